package postgres

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/purescim/purescim/internal/directory"
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
