package postgres

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/events"
	"github.com/purescim/purescim/internal/fairshare"
	"github.com/purescim/purescim/internal/filter"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

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
	beside := o.view.Store.view(org.NewID())
	title, name := parsed(t, schema.User, `title co "q"`), parsed(t, schema.User, `userName eq "user00001"`)
	byTitle, err := filter.ParseSort([]*schema.Type{schema.User}, "title", "")
	o.must(err)
	held := 0
	for o.shares.scans.TryEnter(o.org) {
		held++
	}
	ctx, cancel := context.WithCancel(t.Context())
	outcomes := make(chan error)
	for i := range scansWaiting + 1 {
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
	for what, v := range map[string]view{"a look-up": o.view, "a look-up of another": beside} {
		if _, err := v.List(t.Context(), schema.User, directory.Query{Start: 1, Count: 10, Filter: name}); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := beside.List(t.Context(), schema.User, directory.Query{Start: 1, Count: 10, Filter: title}); err != nil {
		t.Errorf("a scan of another: %v", err)
	}
	cancel()
	for range scansWaiting {
		if err := <-outcomes; !errors.Is(err, context.Canceled) {
			t.Errorf("a scan that waited: %v", err)
		}
	}
	for range held {
		o.shares.scans.Leave(o.org)
	}
	if _, err := o.List(t.Context(), schema.User, directory.Query{Start: 1, Count: 10, Filter: title}); err != nil {
		t.Error(err)
	}
}

// Polls, leases and the administration of accepted requests take connections of the
// share, too: beyond what may wait they are refused.
func TestShare_OfWhatIsBesideResources(t *testing.T) {
	t.Parallel()
	o := newTenant(t)
	connections, ctx := o.shares.connections, t.Context()
	held := 0
	for connections.TryEnter(o.org) {
		held++
	}
	waiting, cancel := context.WithCancel(ctx)
	outcomes := make(chan error)
	for range mostWaiting + 1 {
		go func() { outcomes <- connections.Enter(waiting, o.org) }()
	}
	if err := <-outcomes; !errors.Is(err, fairshare.ErrFull) {
		t.Fatal(err)
	}
	e, b, id := o.view.Store.Events(), o.view.Store.Backlog(), org.ID(o.org)
	for what, call := range map[string]func() error{
		"poll": func() error { _, _, err := e.Pending(ctx, id, 10); return err },
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
	for range mostWaiting {
		<-outcomes
	}
	for range held {
		connections.Leave(o.org)
	}
}

// Connections are taken by a share, or by what is named here: nobody forgets it.
func TestShare_IsTheOneWay(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) == 0 {
		t.Fatal(err)
	}
	taking := regexp.MustCompile(`\.pool\.|\(pool[,)]|\.pool[,)]`)
	allowed := []string{"share.go", "pool.go", "postgres.go", "lookup.go", "commit.go"}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") || slices.Contains(allowed, file) {
			continue
		}
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if at := taking.FindIndex(source); at != nil {
			t.Errorf("%s takes a connection beside the shares: %s", file, fmt.Sprintf("%q", source[at[0]:min(at[1]+30, len(source))]))
		}
	}
}
