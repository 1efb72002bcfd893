package pool

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/periodic"
	"github.com/purescim/purescim/internal/postgres/db"
	"github.com/purescim/purescim/internal/postgres/pgerr"
)

const (
	clockPause = 5 * time.Second
	clockTime  = 5 * time.Second // ends what hangs
	// clockTolerance is how far the machine's clock may be off before the log says so.
	clockTolerance = 2 * time.Second
)

// selectTime asks for the time of this moment, not of when a transaction began.
const selectTime = `select clock_timestamp()`

// measure asks PostgreSQL what time it is.
func (p *Pool) measure(ctx context.Context) error {
	asked := time.Now()
	err := db.Bound{SQL: selectTime}.ReadOne(ctx, p.Own(), func(raw [][]byte) { p.Clock.Measured(db.ReadTime(raw[0]), asked) })
	return pgerr.Wrap("ask for the time", err)
}

// KeepTime asks for the time every five seconds, until the context ends.
func (p *Pool) KeepTime(ctx context.Context) {
	periodic.Every(ctx, clockPause, p.Log, "PostgreSQL was not asked for the time; what has passed is counted", periodic.Within(clockTime, p.watchClock()))
}

// watchClock gives the work that measures, and says when the machine's clock begins and
// ceases to be off.
func (p *Pool) watchClock() func(context.Context) error {
	off := false
	return func(ctx context.Context) error {
		if err := p.measure(ctx); err != nil {
			return err
		}
		offset := p.ClockOffset()
		was := off
		off = offset.Abs() > clockTolerance
		switch {
		case off && !was:
			p.Log.WarnContext(ctx, "the clock of this machine is not that of PostgreSQL, which is used instead", "ahead", offset)
		case was && !off:
			p.Log.InfoContext(ctx, "the clock of this machine is that of PostgreSQL again", "ahead", offset)
		}
		return nil
	}
}

// Now is PostgreSQL's time. It never goes back.
func (p *Pool) Now() time.Time { return p.Clock.Stamp() }

// NewID makes an id that tells when it was made, by PostgreSQL's time.
func (p *Pool) NewID() uuid.UUID { return p.Clock.NewID() }

// ClockOffset is how far the clock of this machine is ahead of PostgreSQL's, as it was
// found within the last five seconds unless PostgreSQL is away; negative when behind.
func (p *Pool) ClockOffset() time.Duration { return p.Clock.Offset() }
