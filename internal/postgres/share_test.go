package postgres

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/events"
	"github.com/purescim/purescim/internal/filter"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/postgres/pool"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// tooMany is more than may wait for a connection, or for a scan.
const tooMany = 400

// holding takes all that a share gives, until it is released.
func (o *tenant) holding(s pool.Share) (release func()) {
	o.t.Helper()
	var held []pgx.Rows
	for {
		ctx, cancel := context.WithCancel(o.t.Context())
		o.t.Cleanup(cancel)
		giveUp := time.AfterFunc(200*time.Millisecond, cancel)
		rows, err := s.Query(ctx, `select n from generate_series(1, 3) n`) //nolint:sqlclosecheck // release closes them
		if giveUp.Stop(); err != nil {
			break
		}
		held = append(held, rows)
	}
	if len(held) == 0 {
		o.t.Fatal("the share gives nothing")
	}
	return func() {
		for _, rows := range held {
			rows.Close()
		}
	}
}

// allTests is a filter of as many tests as there may be, which looks for nothing.
func allTests(t *testing.T, beside string) *filter.Filter {
	t.Helper()
	tests := slices.Repeat([]string{`title co "q"`}, filter.MaxTerms-1)
	f, err := filter.Parse(schema.User, beside+" and ("+strings.Join(tests, " or ")+")")
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// While an organisation has all scans that it may, its further ones wait, but for those
// that are too many. Its look-ups and the scans of others do not.
func TestShare_OfScans(t *testing.T) {
	t.Parallel()
	o := newTenant(t)
	o.users(1)
	beside := o.Store.view(org.NewID())
	title, name := parsed(t, schema.User, `title co "q"`), parsed(t, schema.User, `userName eq "user00001"`)
	byTitle, err := filter.ParseSort([]*schema.Type{schema.User}, "title", "")
	o.must(err)
	release := o.holding(o.DB.ForScan(true))
	ctx, cancel := context.WithCancel(t.Context())
	outcomes := make(chan error, tooMany)
	for i := range tooMany {
		// What looks for one value and tests much beside it is a scan too, and so is what
		// is sorted by what no index has.
		q := directory.Query{Start: 1, Count: 10, Filter: []*filter.Filter{title, allTests(t, `externalId eq "x"`), allTests(t, `department eq "x"`)}[i%3]}
		if i%4 == 0 {
			q.Filter, q.Sort = nil, &byTitle[0]
		}
		go func() { _, err := o.List(ctx, schema.User, q); outcomes <- err }()
	}
	var refused *scim.Error
	if err := <-outcomes; !errors.As(err, &refused) || refused.Status != 429 {
		t.Fatalf("a scan beyond those that may wait: %v", err)
	}
	for what, v := range map[string]*view{"a look-up": o.view, "a look-up of another": beside} {
		if _, err := v.List(t.Context(), schema.User, directory.Query{Start: 1, Count: 10, Filter: name}); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := beside.List(t.Context(), schema.User, directory.Query{Start: 1, Count: 10, Filter: title}); err != nil {
		t.Errorf("a scan of another: %v", err)
	}
	cancel()
	waited := 0
	for range tooMany - 1 {
		switch err := <-outcomes; {
		case errors.Is(err, context.Canceled):
			waited++
		case !errors.As(err, &refused) || refused.Status != 429:
			t.Errorf("a scan beyond those that may wait: %v", err)
		}
	}
	if waited == 0 {
		t.Error("no scan has waited")
	}
	release()
	if _, err := o.List(t.Context(), schema.User, directory.Query{Start: 1, Count: 10, Filter: title}); err != nil {
		t.Error(err)
	}
}

// Polls, leases and the administration of accepted requests take connections of the
// share, too: beyond what may wait they are refused.
func TestShare_OfWhatIsBesideResources(t *testing.T) {
	t.Parallel()
	o := newTenant(t)
	ctx := t.Context()
	release := o.holding(o.DB)
	waiting, cancel := context.WithCancel(ctx)
	outcomes := make(chan error, tooMany)
	for range tooMany {
		go func() { _, err := o.DB.Exec(waiting, `select 1`); outcomes <- err }()
	}
	if err := <-outcomes; err == nil || errors.Is(err, context.Canceled) {
		t.Fatalf("a request beyond those that may wait: %v", err)
	}
	e, b, id := o.Events(), o.Jobs(), org.ID(o.Tenant.Org)
	for what, call := range map[string]func() error{
		"poll": func() error { _, _, err := e.Pending(ctx, id, 0, 10, 1<<20); return err },
		"dead": func() error { _, _, err := e.Dead(ctx, id, events.Page{Limit: 10}); return err },
		"lease": func() error {
			_, err := e.Lease(ctx, id, uuid.New(), time.Now(), time.Now().Add(time.Minute))
			return err
		},
		"list":   func() error { _, _, err := b.Requests(ctx, id, directory.Selection{Limit: 10}); return err },
		"show":   func() error { _, err := b.Request(ctx, id, uuid.New()); return err },
		"cancel": func() error { _, _, err := b.Seize(ctx, uuid.New(), id, uuid.New(), time.Minute); return err },
		"keep":   func() error { return b.Keep(ctx, directory.Step{Org: id, Begun: time.Now()}, nil) },
	} {
		var refused *scim.Error
		if err := call(); !errors.As(err, &refused) || refused.Status != http.StatusTooManyRequests {
			t.Errorf("%s: %v", what, err)
		}
	}
	cancel()
	for range tooMany - 1 {
		<-outcomes
	}
	release()
}
