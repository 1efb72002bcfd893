package console

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/fairshare"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/provisioning"
	"github.com/purescim/purescim/internal/scim"
)

const (
	// livePause is between two looks of a stream, and liveTime how long it lasts before the
	// browser asks again: less than a request may take.
	livePause = time.Second
	liveTime  = 20 * time.Second
	// liveAtOnce is how many streams a server has at once, and liveOfOne those of one
	// organisation.
	liveAtOnce = 200
	liveOfOne  = 50
)

// streams are the calls that are answered with one.
var streams = []string{"GET /o/{org}/activity/new", "GET /o/{org}/imports/{id}/live", "GET /o/{org}/connections/{id}/live", "GET /setup/live"}

// newLive makes the places of streams.
func newLive() *fairshare.Gate[org.ID] {
	return fairshare.New[org.ID](fairshare.Options{Slots: liveAtOnce, Share: liveOfOne})
}

// stream sends a part of a page whenever it looks different (server-sent events): the
// template of the page under the name, with what read gives.
func (v *visit) stream(page, name string, read func() (any, error)) error {
	if !v.live.TryEnter(v.org.ID) {
		return scim.Unavailable("too many pages are watched at the moment")
	}
	defer v.live.Leave(v.org.ID)
	h := v.w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no")
	control := http.NewResponseController(v.w)
	last, began := "", time.Now()
	for time.Since(began) < liveTime {
		content, err := read()
		if err != nil {
			return err
		}
		var text bytes.Buffer
		if err := templates()[page].ExecuteTemplate(&text, name, content); err != nil {
			return err
		}
		if now := text.String(); now != last {
			last = now
			if err := sendPart(v.w, now); err != nil {
				return nil // the browser has gone
			}
		} else if _, err := fmt.Fprint(v.w, ":\n\n"); err != nil { // tells that it is still there
			return nil // the browser has gone
		}
		if err := control.Flush(); err != nil {
			return nil // the browser has gone
		}
		select {
		case <-time.After(livePause):
		case <-v.r.Context().Done():
			return nil
		}
	}
	return nil
}

func sendPart(w http.ResponseWriter, text string) error {
	var event strings.Builder
	event.WriteString("retry: 1000\nevent: part\n")
	text = strings.ReplaceAll(text, "\r", " ") // of a name: it ends a line as well
	for line := range strings.SplitSeq(strings.TrimSpace(text), "\n") {
		event.WriteString("data: " + line + "\n")
	}
	_, err := fmt.Fprint(w, event.String()+"\n")
	return err
}

// newEntries is the bar above a list that tells of what came since.
type newEntries struct {
	Count int
	More  bool
	Link  string
}

// watchActivity tells how many entries of the filter have come since the page was made.
func watchActivity(v *visit) error {
	q, _, err := v.readLog(v.query("q"))
	if err != nil {
		return err
	}
	after, err := uuid.Parse(v.query("after"))
	if err != nil {
		return scim.BadRequest("after is no id")
	}
	q.Limit = pageSize
	return v.stream("activity", "new", func() (any, error) {
		found, next, err := v.Provisioning.Since(v.r.Context(), v.org.ID, q, after)
		if len(found) == 0 && next != uuid.Nil {
			after = next // what was looked at is not looked at again
		}
		return newEntries{len(found), len(found) == pageSize, v.home("/activity?q=") + url.QueryEscape(v.query("q"))}, err
	})
}

// badge is how a result looks: a sign, a word and a colour.
type badge struct{ Class, Icon, Word string }

var badges = map[provisioning.Result]badge{
	provisioning.Success: {"green", "check", "done"},
	provisioning.Warning: {"amber", "warn", "with a warning"},
	provisioning.Refused: {"red", "cross", "refused"},
	provisioning.Held:    {"amber", "warn", "held"},
}

var states = map[provisioning.State]badge{
	provisioning.Working: {"green", "check", "works"},
	provisioning.Silent:  {"", "minus", "silent"},
	provisioning.Partly:  {"red", "warn", "works in part"},
	provisioning.Halted:  {"amber", "warn", "held"},
}

// health is how it goes for one connection. One that provisions nobody may ask for other things
// all the same, and is not silent then.
func health(c provisioning.ClientStatus) badge {
	if c.State == provisioning.Silent && time.Since(c.Asked()) < 24*time.Hour {
		return badge{"", "minus", "no provisioning"}
	}
	return states[c.State]
}
