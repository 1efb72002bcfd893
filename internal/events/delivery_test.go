package events

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/purescim/purescim/internal/egress"
)

func TestCheck(t *testing.T) {
	t.Parallel()
	push := Stream{Method: Push, Endpoint: "https://receiver.example/", Audience: "receiver", Credential: "Bearer x"}
	poll := Stream{Method: Poll, Audience: "receiver", Kinds: []Kind{Deleted, Created}}
	for field, s := range map[string]Stream{
		"":                    poll,
		"method":              {Audience: "receiver"},
		"audience":            {Method: Poll},
		"form":                {Method: Poll, Audience: "receiver", Form: "short"},
		"status":              {Method: Poll, Audience: "receiver", Status: "on"},
		"events":              {Method: Poll, Audience: "receiver", Kinds: []Kind{"prov:read"}},
		"endpointUrl":         {Method: Push, Audience: "receiver", Endpoint: "http://receiver.example/"},
		"authorizationHeader": {Method: Push, Audience: "receiver", Endpoint: push.Endpoint, Credential: "Bearer x\r\nHost: y"},
	} {
		_, err := s.check(egress.Public)
		var problem *InvalidError
		if field == "" && err != nil || field != "" && (!errors.As(err, &problem) || problem.Field != field) {
			t.Errorf("%q: %v", field, err)
		}
	}
	if _, err := push.check(egress.Public); err != nil {
		t.Error(err)
	}
	push.Endpoint = "https://169.254.169.254/"
	if _, err := push.check(egress.Public); err == nil {
		t.Error("an address inside is allowed")
	}
	checked, _ := poll.check(egress.Public)
	if diff := cmp.Diff([]Kind{Created, Deleted}, checked.Kinds); diff != "" || checked.Form != Notice || checked.Status != Enabled {
		t.Errorf("%+v", checked)
	}
	if all, _ := (Stream{Method: Poll, Audience: "receiver"}).check(egress.Public); len(all.Kinds) != len(Kinds) {
		t.Errorf("%v", all.Kinds)
	}
}

// What a receiver says of a token is kept, not all of it and nothing that a
// database cannot hold.
func TestReadFault(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"err":"invalid_request","description":"no jti"}`: "refused: invalid_request: no jti",
		`{"err":"authentication_failed"}`:                  "authentication_failed",
		`{"err":"invalid_key","description":"a\u0000b"}`:   "invalid_key: a?b",
		`{}`:     "the receiver answered 400 without the error of RFC 8935",
		`<html>`: "the receiver answered 400 without the error of RFC 8935",
		`{"err":"access_denied","description":"` + strings.Repeat("ä", 500) + `"}`: "access_denied: " + strings.Repeat("ä", 142),
	} {
		err := readFault([]byte(body))
		got := err.cause.Error()
		if err.final {
			got = "refused: " + got
		}
		if got != want {
			t.Errorf("%s: %q, want %q", body, got, want)
		}
	}
}

func TestBackoff(t *testing.T) {
	t.Parallel()
	s := &Service{pause: time.Second}
	for failures, most := range map[int]time.Duration{1: time.Second, 2: 2 * time.Second, 5: 16 * time.Second, 10: maxRetry, 1000: maxRetry} {
		for range 50 {
			if pause := s.backoff(failures); pause < most/2 || pause > most {
				t.Errorf("after %d failures %v, want from %v to %v", failures, pause, most/2, most)
			}
		}
	}
}

// timed is a store that tells the time, and is asked for nothing else.
type timed struct{ Store }

func (timed) Now() time.Time { return time.Now() }

// Of an event that never arrived a customer is told as much as of the attempts.
func TestMissed_KeepsAWord(t *testing.T) {
	t.Parallel()
	s := &Service{store: timed{}, pause: time.Second, log: slog.New(slog.DiscardHandler)}
	done := Outcome{Failures: maxAttempts - 1}
	s.missed(t.Context(), Stream{}, Event{}, &undelivered{fault: egress.Unreachable, cause: errors.New("dial tcp 10.1.2.3:443")}, &done)
	if len(done.Dead) != 1 || done.Dead[0].Fault != "unreachable" || done.Fault != "unreachable" || done.Failures != 0 {
		t.Errorf("%+v", done)
	}
}
