package console_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/accounts"
	"github.com/purescim/purescim/internal/events"
	"github.com/purescim/purescim/internal/servertest"
)

// spoilStream sets up a stream whose texts would do something to a page that shows them as
// they are, with an event that the receiver refused.
func (f *furnished) spoilStream(t *testing.T) {
	t.Helper()
	s := f.Server()
	stream := events.Stream{Org: f.ID, Method: events.Poll, Audience: evil, Group: uuid.MustParse(f.NewGroup(t, "Told "+evil))}
	if _, err := s.Events.SetStream(t.Context(), stream); err != nil {
		t.Fatal(err)
	}
	f.Do(t, http.MethodPatch, "/Groups/"+stream.Group.String(), servertest.Patch(map[string]any{"op": "add", "path": "members", "value": servertest.Values(f.person)})).Want(t, http.StatusOK)
	waiting := f.poll(t, events.PollRequest{Max: events.DefaultPolled})
	if len(waiting) == 0 {
		t.Fatal("no event waits")
	}
	f.poll(t, events.PollRequest{Immediately: true, Refused: []events.Letter{events.NewLetter(waiting[0], "jwtAud", evil)}})
}

// poll takes what waits of the stream.
func (f *furnished) poll(t *testing.T, ask events.PollRequest) (ids []uuid.UUID) {
	t.Helper()
	answer, err := f.Server().Events.Poll(t.Context(), f.ID, ask)
	if err == nil {
		_, err = answer(func(id uuid.UUID, _ []byte) error { ids = append(ids, id); return nil })
	}
	if err != nil {
		t.Fatal(err)
	}
	return ids
}

// A receiver of events, which takes them or says that they are wrong.
type receiver struct {
	*httptest.Server
	taken, refused atomic.Int64
	refuses        atomic.Bool
	secret         atomic.Value // the Authorization header that came last
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := new(receiver)
	r.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		_, _ = io.Copy(io.Discard, q.Body)
		r.secret.Store(q.Header.Get("Authorization"))
		if r.refuses.Load() {
			r.refused.Add(1)
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"err":"invalid_request","description":"no"}`)
			return
		}
		r.taken.Add(1)
		w.WriteHeader(http.StatusAccepted)
	}))
	t.Cleanup(r.Close)
	return r
}

// pushing is the form of a stream to the receiver.
func (r *receiver) pushing(pairs ...string) []string {
	return append(pairs, "method", "push", "endpoint", r.URL+"/events?key=k1", "audience", "siem", "form", "notice") // of a name twice the first counts
}

// until asks for a page again until it has a text.
func (b *browser) until(path, text string) *browser {
	b.t.Helper()
	for range 600 {
		if b.get(path).want(http.StatusOK); strings.Contains(b.body, text) {
			return b
		}
		time.Sleep(20 * time.Millisecond)
	}
	b.t.Fatalf("%s never has %q: %s", path, text, b.text())
	return b
}

// A stream is made, changed, paused, switched off and removed by who may change something,
// and the log tells it. Its secret is shown to nobody.
func TestStream(t *testing.T) {
	t.Parallel()
	r := newReceiver(t)
	s := servertest.NewWith(t, servertest.Options{HTTPClient: r.Client()})
	f := furnish(t, s)
	b := member(t, s, f.ID, "ada@example.org", accounts.Administrator)
	viewer := member(t, s, f.ID, "vera@example.org", accounts.Viewer)
	path := f.home + "/events"
	b.get(f.home+"/settings").want(http.StatusOK).has("Nobody is told of changes", `href="`+path+`"`)
	viewer.get(path).want(http.StatusOK).has("There is no stream").lacks("<input id=")
	for _, call := range []string{"", "/status", "/requeue", "/remove"} {
		viewer.post(path+call, r.pushing("status", "paused", "sure", "yes")...).want(http.StatusForbidden)
	}

	b.post(path, r.pushing("authorization", "Bearer opensesame", "kinds", "prov:create", "kinds", "prov:patch")...).want(http.StatusOK).
		has("The stream is set", "Changes are pushed to 127.0.0.1", "created, changed", "set, and shown to nobody", "which attributes, not their values").lacks("opensesame")
	f.NewUser(t, "first@acme.example")
	b.until(path, "<dt>Waiting</dt><dd>nothing").has("1 made so far").lacks("opensesame", "Could not be delivered")
	if got := r.secret.Load(); got != "Bearer opensesame" {
		t.Errorf("the receiver was sent %q", got)
	}
	b.get(f.home).lacks("See the stream")
	viewer.get(path).want(http.StatusOK).has("/events?…", "set, and shown to nobody").lacks("opensesame", "key=k1", "Pause", "Remove", "Change the stream")
	b.post(path, r.pushing("group", "claims team", "form", "full")...).want(http.StatusOK).
		has(`<a href="`+f.home+"/groups/"+f.group+`">Claims Team</a> and its members`, "with the values", "all that happens", "set, and shown to nobody")
	b.post(path, r.pushing("endpoint", r.URL+"/elsewhere")...).want(http.StatusOK).has("Authorization header</dt><dd>none").lacks("Claims Team")

	b.post(path+"/status", "status", "paused").want(http.StatusOK).has("The stream is paused", "Changes wait until the stream goes on", "paused</span>")
	f.NewUser(t, "second@acme.example")
	b.get(path).has("<dt>Waiting</dt><dd>1, the first since")
	b.get(f.home+"/settings").has("Changes wait until the stream goes on", "paused</span>")
	b.post(path+"/status", "status", "enabled").want(http.StatusOK).has("The stream goes on")
	b.until(path, "<dt>Waiting</dt><dd>nothing")
	b.post(path+"/status", "status", "disabled").want(http.StatusOK).has("Switch the stream off?")
	b.get(path).has("enabled</span>")
	b.sure(path+"/status", "status", "disabled").want(http.StatusOK).has("The stream is switched off", "disabled</span>").lacks("Switch off")
	for _, wrong := range []string{"", "full", "ENABLED"} {
		b.post(path+"/status", "status", wrong).want(http.StatusBadRequest)
	}
	b.post(path+"/remove").want(http.StatusOK).has("Remove the stream?", "Nothing waits to be delivered")
	b.get(path).has("disabled</span>")
	b.sure(path+"/remove").want(http.StatusOK).has("The stream is removed", "Nobody is told of changes")
	b.post(path + "/remove").want(http.StatusNotFound)
	b.post(path+"/status", "status", "paused").want(http.StatusNotFound)
	b.get(f.home+"/activity?q=by:ada@example.org+type:Stream").has("set up the stream of events", "changed status of the stream of events", "deleted the stream of events").lacks("opensesame")
	b.get(b.found(`href="(` + f.home + `/activity/[0-9a-f-]{36})"`)).want(http.StatusOK).has(`href="` + path + `"`)
}

// What the receiver refuses is listed with what it is of, and delivered after all.
func TestStream_DeliversAgain(t *testing.T) {
	t.Parallel()
	r := newReceiver(t)
	r.refuses.Store(true)
	s := servertest.NewWith(t, servertest.Options{HTTPClient: r.Client()})
	f := furnish(t, s)
	b := member(t, s, f.ID, "ada@example.org", accounts.Administrator)
	path := f.home + "/events"
	b.post(path, r.pushing()...).want(http.StatusOK)
	person := f.NewUser(t, "first@acme.example")
	f.NewUser(t, "second@acme.example")
	b.until(path, `2</span>`).has("<strong>Created</strong>", `href="`+f.home+"/people/"+person+`">first@acme.example</a>`, "It answered, but not as it should", "Deliver all again")
	b.until(f.home, "2 events could not be delivered").has(`href="` + path + `#dead"`)
	b.post(path + "/remove").has("2 events that were not delivered are lost")
	r.refuses.Store(false)
	b.get(path)
	b.post(path+"/requeue", "id", b.found(`name="id" value="([^"]*)"`)).want(http.StatusOK).has("It waits to be delivered again")
	b.until(path, `1</span>`)
	b.post(path+"/requeue", "id", "x").want(http.StatusBadRequest)
	b.post(path+"/requeue", "all", "yes").want(http.StatusOK)
	b.until(path, "<dt>Waiting</dt><dd>nothing").lacks("Could not be delivered")
	if got := r.taken.Load(); got != 2 {
		t.Errorf("the receiver took %d events", got)
	}
}

// The first page tells of a receiver that cannot be reached, and what waits for it.
func TestStream_ThatDoesNotArriveNeedsAttention(t *testing.T) {
	t.Parallel()
	r := newReceiver(t)
	s := servertest.NewWith(t, servertest.Options{HTTPClient: r.Client()})
	f := furnish(t, s)
	b := member(t, s, f.ID, "ada@example.org", accounts.Administrator)
	b.post(f.home+"/events", r.pushing()...).want(http.StatusOK)
	r.Close()
	f.NewUser(t, "first@acme.example")
	b.until(f.home+"/events", "in a row").has("Changes do not reach 127.0.0.1", "It cannot be reached.", "1, the first since")
	b.get(f.home).want(http.StatusOK).has("Changes do not reach 127.0.0.1", "It cannot be reached. 1 event waits, the first since", `href="`+f.home+`/events"`)
}

// What is wrong is told in the words of the page, which keeps what was typed but the secret.
func TestStream_IsChecked(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	f := furnish(t, s)
	b := member(t, s, f.ID, "ada@example.org", accounts.Administrator)
	path := f.home + "/events"
	for says, form := range map[string][]string{
		"The URL must be a URL that begins with https://": {"method", "push", "endpoint", "http://siem.example", "audience", "x"},
		"not a public address":                            {"method", "push", "endpoint", "https://10.1.2.3/", "audience", "x"},
		"The audience is required":                        {"method", "poll", "audience", " "},
		"The way is":                                      {"method", "shout", "audience", "x"},
		"The form is":                                     {"method", "poll", "audience", "x", "form", "long"},
		"What is told is":                                 {"method", "poll", "audience", "x", "kinds", "prov:create", "kinds", "everything"},
		"There is no group named &#34;Nobody&#34;":        {"method", "poll", "audience", "x", "group", "Nobody"},
		"The Authorization header may hold only visible":  {"method", "push", "endpoint", "https://siem.example", "audience", "x", "authorization", "a\nb"},
	} {
		b.post(path, append(form, "authorization", "opensesame")...).want(http.StatusBadRequest).has(says, "Nothing was changed").lacks("opensesame")
	}
	b.post(path, "method", "poll", "audience", "kept", "group", uuid.NewString(), "form", "full").want(http.StatusNotFound).
		has(`value="kept"`, `value="full" selected`, `value="poll" checked`)
	b.get(path).has("Nobody is told of changes")
	b.post(path, "method", "poll", "endpoint", "https://left.over", "authorization", "opensesame", "audience", "hr").want(http.StatusOK).
		has("Changes wait to be fetched by hr", s.URL+"/api/v2/events/poll", "scim:events:poll").lacks("left.over", "opensesame")
}

// With JavaScript, in a browser, by its buttons.
func TestStream_InABrowser(t *testing.T) {
	t.Parallel()
	r := newReceiver(t)
	s := servertest.NewWith(t, servertest.Options{HTTPClient: r.Client()})
	f := furnish(t, s)
	b := newTab(t, s)
	b.look(1280, "light")
	b.signInAs(member(t, s, f.ID, "ada@example.org", accounts.Administrator))
	b.open(f.home + "/settings")
	b.do(chromedp.Click("#events a.button"))
	b.waits("document.querySelector('#endpoint')")
	b.shoot("events-none")
	b.do(chromedp.SendKeys("#endpoint", r.URL+"/events"), chromedp.SendKeys("#authorization", "Bearer x"), chromedp.SendKeys("#audience", "https://siem.example"), chromedp.Click("main form button.primary"))
	b.waits("document.body.textContent.includes('The stream is set')")
	f.NewUser(t, "first@acme.example")
	b.do(chromedp.Click("button[value=paused]"))
	b.waits("document.body.textContent.includes('The stream is paused')")
	b.do(chromedp.Click("button[value=enabled]"))
	b.waits("document.body.textContent.includes('The stream goes on')")
	b.do(chromedp.Click("#change summary"))
	b.shoot("events-push")
	b.look(360, "dark")
	b.shoot("events-push-360")
	b.look(1280, "light")
	b.isAsked("form[action$='/status'][data-ask] button", "Switch the stream off?")
	b.shoot("events-dialog")
	b.isSure("The stream is switched off")
	b.isAsked("form[action$='/remove'] button", "Remove the stream?")
	b.leaves()
	b.isAsked("form[action$='/remove'] button", "Remove the stream?")
	b.isSure("The stream is removed")
	b.quiet()
}
