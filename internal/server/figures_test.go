package server_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/purescim/purescim/internal/servertest"
)

// The monitoring is told how large organisations are and how long events wait.
func TestFigures(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	o, quiet := s.NewOrg(t), s.NewOrg(t)
	listen(t, o, map[string]any{"method": "poll", "audience": "https://receiver.example"})
	before := s.Store.Events().Now().Add(-time.Second)
	o.NewUser(t, "ada@example.org")
	gone := o.NewUser(t, "bob@example.org")
	quiet.NewUser(t, "eve@example.org")
	o.Do(t, http.MethodDelete, "/Users/"+gone, nil).Want(t, http.StatusNoContent)
	for _, of := range []*servertest.Org{o, quiet} {
		if err := s.Store.FoldCounts(t.Context(), of.ID); err != nil {
			t.Fatal(err)
		}
	}
	figures, err := s.Store.Figures(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if figures.Sizes[o.ID] != 1 || figures.Sizes[quiet.ID] != 1 || len(figures.Sizes) != 2 {
		t.Errorf("sizes: %v", figures.Sizes)
	}
	if figures.Streams != 1 || figures.Full != 0 || figures.Oldest.Before(before) || figures.Oldest.After(s.Store.Events().Now()) {
		t.Errorf("events: %+v, since %v", figures, before)
	}
	o.Do(t, http.MethodDelete, "/api/v2/events/stream", nil).Want(t, http.StatusNoContent)
	if figures, err = s.Store.Figures(t.Context()); err != nil || figures.Streams != 0 || !figures.Oldest.IsZero() {
		t.Errorf("without a stream: %+v %v", figures, err)
	}
}
