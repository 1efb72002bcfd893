package server_test

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/purescim/purescim/internal/servertest"
)

// connections is how many clients load the servers at once.
const connections = 8

// watched is a token under load. It is accepted until somebody begins to end it,
// and by nobody a second after that is done.
type watched struct {
	name     string
	token    string
	ending   atomic.Pointer[time.Time] // when the request that ends it was sent
	ended    atomic.Pointer[time.Time] // and answered
	accepted [2]atomic.Int32           // by each server
	refused  [2]atomic.Int32
}

// end ends the token by an action.
func (w *watched) end(action func()) {
	began := time.Now()
	w.ending.Store(&began)
	action()
	done := time.Now()
	w.ended.Store(&done)
}

// try sends one request and judges the answer.
func (w *watched) try(t *testing.T, client *http.Client, urls []string, server int) {
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, urls[server]+"/api/v2/organizations/me", nil)
	if err != nil {
		t.Error(err)
		return
	}
	r.Header.Set("Authorization", "Bearer "+w.token)
	sent, ended := time.Now(), w.ended.Load()
	response, err := client.Do(r)
	if err != nil {
		t.Error(err)
		return
	}
	body, _ := io.ReadAll(response.Body)
	response.Body.Close()
	switch response.StatusCode {
	case http.StatusOK:
		w.accepted[server].Add(1)
		if ended != nil && sent.Sub(*ended) > time.Second {
			t.Errorf("%s: server %d accepted it %v after its end", w.name, server, sent.Sub(*ended))
		}
	case http.StatusUnauthorized:
		w.refused[server].Add(1)
		if w.ending.Load() == nil {
			t.Errorf("%s: server %d refused it before its end: %s", w.name, server, body)
		}
	default:
		t.Errorf("%s: server %d answered %d: %s", w.name, server, response.StatusCode, body)
	}
}

// load is what loads both servers with all tokens.
type load struct {
	mu     sync.Mutex
	tokens []*watched
}

func (l *load) add(name, token string) *watched {
	l.mu.Lock()
	defer l.mu.Unlock()
	w := &watched{name: name, token: token}
	l.tokens = append(l.tokens, w)
	return w
}

func (l *load) all() []*watched {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clip(l.tokens)
}

// await waits until each server has accepted every token and, if it was ended,
// refused it.
func (l *load) await(t *testing.T) {
	t.Helper()
	for _, w := range l.all() {
		for server := range w.accepted {
			for w.accepted[server].Load() == 0 || w.ended.Load() != nil && w.refused[server].Load() == 0 {
				if t.Failed() {
					t.FailNow()
				}
				time.Sleep(time.Millisecond)
			}
		}
	}
}

// run keeps the servers busy until stop is called, or the test ends.
func (l *load) run(t *testing.T, urls []string) (stop func()) {
	t.Helper()
	stopped := make(chan struct{})
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: connections}}
	t.Cleanup(client.CloseIdleConnections)
	var working sync.WaitGroup
	for n := range connections {
		working.Go(func() {
			for i := n; ; i++ {
				select {
				case <-stopped:
					return
				default:
				}
				tokens := l.all()
				tokens[i/2%len(tokens)].try(t, client, urls, i%2)
			}
		})
	}
	stop = sync.OnceFunc(func() {
		close(stopped)
		working.Wait()
	})
	t.Cleanup(stop)
	return stop
}

// TestReplicas_AgreeOnTokens runs two servers on one database under load while
// an administrator rotates and ends what there is.
func TestReplicas_AgreeOnTokens(t *testing.T) {
	t.Parallel()
	first := servertest.New(t)
	second := servertest.NewWith(t, servertest.Options{Database: first.Database})
	urls := []string{first.URL, second.URL}
	o := first.NewOrg(t)
	l := new(load)
	token := func(name string, roles ...string) (w *watched, path string) {
		token, client := o.NewToken(t, roles...)
		return l.add(name, token), "/api/v2/oauth/clients/" + client.ID.String()
	}
	steady, _ := token("steady")
	revoked, revokedPath := token("revoked")
	disabled, disabledPath := token("disabled")
	deleted, deletedPath := token("deleted")
	mine, _ := token("ended by itself")
	rotated, secret := o.NewClient(t)
	stop := l.run(t, urls)

	for round := range 3 {
		// Tokens of the new key go to both servers at once.
		server := []*servertest.Server{first, second}[round%2]
		if err := server.OAuth.RotateKey(t.Context()); err != nil {
			t.Fatal(err)
		}
		for range 4 {
			token, _ := o.NewToken(t)
			l.add(fmt.Sprintf("of key %d", round), token)
		}
		l.await(t)
	}
	newSecret, _ := o.Do(t, "POST", "/api/v2/oauth/clients/"+rotated.ID.String()+"/secret", nil).Want(t, 200).Object(t)["secret"].(string)
	for _, secret := range []string{secret, newSecret} {
		for _, url := range urls {
			l.add("of a rotated secret", grant(t, url, rotated.ID.String(), secret))
		}
	}
	l.await(t)
	var known struct{ Entities []struct{ ID string } }
	o.Do(t, "GET", revokedPath+"/tokens", nil).Want(t, 200).Decode(t, &known)
	revoked.end(func() { o.Do(t, "DELETE", revokedPath+"/tokens/"+known.Entities[0].ID, nil).Want(t, 204) })
	disabled.end(func() { o.Do(t, "PUT", disabledPath, `{"state":"disabled"}`).Want(t, 200) })
	deleted.end(func() { o.Do(t, "DELETE", deletedPath, nil).Want(t, 204) })
	mine.end(func() { o.Do(t, "DELETE", "/api/v2/tokens/me", nil, "Authorization: Bearer "+mine.token).Want(t, 204) })
	time.Sleep(time.Second)
	l.await(t)
	o.Do(t, "PUT", disabledPath, `{"state":"active"}`).Want(t, 200) // its tokens stay ended
	time.Sleep(time.Second)
	stop()
	t.Logf("the steady token was accepted %d and %d times", steady.accepted[0].Load(), steady.accepted[1].Load())
}

// grant asks a server for a token.
func grant(t *testing.T, server, id, secret string) string {
	t.Helper()
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {id}, "client_secret": {secret}}
	response, err := http.Post(server+"/oauth/token", "application/x-www-form-urlencoded", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%d: %s: %v", response.StatusCode, body, err)
	}
	_, rest, _ := strings.Cut(string(body), `"access_token":"`)
	token, _, _ := strings.Cut(rest, `"`)
	return token
}
