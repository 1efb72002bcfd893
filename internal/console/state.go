package console

import (
	"time"

	"github.com/purescim/purescim/internal/accounts"
	"github.com/purescim/purescim/internal/lru"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/provisioning"
)

const (
	// stateFresh is for how long pages go by the state that was read, which costs more than
	// most of them.
	stateFresh = 30 * time.Second
	mostStates = 1000 // of organisations, in memory
)

// stateRead is how provisioning went in an organisation at a time.
type stateRead struct {
	state provisioning.State
	at    time.Time
}

// readStates are those of the organisations of which pages were shown lately.
type readStates struct {
	*lru.Map[org.ID, stateRead]
}

func newReadStates() readStates { return readStates{lru.New[org.ID, stateRead](mostStates)} }

// note keeps what somebody has read.
func (r readStates) note(o org.ID, s provisioning.Status) {
	r.Put(o, stateRead{s.State, time.Now()})
}

// readState is how provisioning goes in the organisation of a page, for its top.
func (v *visit) readState(o org.ID) (provisioning.State, error) {
	if o == accounts.Everywhere {
		return "", nil
	}
	if known, ok := v.states.Get(o); ok && time.Since(known.at) < stateFresh {
		return known.state, nil
	}
	s, err := v.Provisioning.Status(v.r.Context(), o)
	if err == nil {
		v.states.note(o, s)
	}
	return s.State, err
}
