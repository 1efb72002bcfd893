package directory

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/purescim/purescim/internal/filter"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

func newCursors(key string, now *time.Time) *cursors {
	return &cursors{
		load: func(context.Context) ([]byte, error) { return []byte(key), nil },
		now:  func() time.Time { return *now },
	}
}

func TestCursors_GiveBackWhatTheySeal(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_800_000_000, 0)
	c, replica := newCursors("key", &now), newCursors("key", &now)
	rapid.Check(t, func(rt *rapid.T) {
		p := Position{
			ID:     uuid.UUID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(rt, "id")),
			Value:  rapid.String().Draw(rt, "value"),
			Absent: rapid.Bool().Draw(rt, "absent"),
		}
		count := rapid.IntRange(1, 1000).Draw(rt, "count")
		list := rapid.String().Draw(rt, "list")
		text, err := c.seal(t.Context(), list, p, count)
		if err != nil {
			rt.Fatal(err)
		}
		got, gotCount, err := replica.open(t.Context(), list, text)
		if diff := cmp.Diff(p, got); diff != "" || gotCount != count || err != nil {
			rt.Fatalf("count %d, error %v (-want +got):\n%s", gotCount, err, diff)
		}
		i := rapid.IntRange(0, len(text)-1).Draw(rt, "changed")
		forged := text[:i] + rapid.SampledFrom([]string{"A", "b", "-", "_", "", "=", "é"}).Draw(rt, "by") + text[i+1:]
		if forged != text {
			expectCursorError(rt, c, list, forged, scim.TypeInvalidCursor)
		}
		expectCursorError(rt, c, list+"x", text, scim.TypeInvalidCursor)
		expectCursorError(rt, newCursors("other", &now), list, text, scim.TypeInvalidCursor)
	})
}

func expectCursorError(t *rapid.T, c *cursors, list, text string, want scim.ErrorType) {
	_, _, err := c.open(context.Background(), list, text)
	if e := (*scim.Error)(nil); !errors.As(err, &e) || e.Status != 400 || e.Type != want {
		t.Fatalf("%q: error %v, want %s", text, err, want)
	}
}

func TestCursors_Expire(t *testing.T) {
	t.Parallel()
	begin := time.Unix(1_800_000_000, 0)
	now := begin
	c := newCursors("key", &now)
	text, err := c.seal(t.Context(), "list", Position{ID: uuid.New()}, 5)
	if err != nil {
		t.Fatal(err)
	}
	now = begin.Add(schema.DefaultService.CursorTimeout)
	if _, _, err := c.open(t.Context(), "list", text); err != nil {
		t.Errorf("at its last moment: %v", err)
	}
	now = now.Add(time.Second)
	_, _, err = c.open(t.Context(), "list", text)
	if e := (*scim.Error)(nil); !errors.As(err, &e) || e.Status != 400 || e.Type != scim.TypeExpiredCursor {
		t.Errorf("error %v, want expiredCursor", err)
	}
}

func TestCursors_ReadTheKeyAgainWhenItCouldNotBeRead(t *testing.T) {
	t.Parallel()
	now, failure := time.Unix(1_800_000_000, 0), errors.New("away")
	c := newCursors("key", &now)
	load := c.load
	c.load = func(context.Context) ([]byte, error) { return nil, failure }
	if _, err := c.seal(t.Context(), "list", Position{}, 1); !errors.Is(err, failure) {
		t.Errorf("error %v", err)
	}
	c.load = load
	if _, err := c.seal(t.Context(), "list", Position{}, 1); err != nil {
		t.Error(err)
	}
}

// Lists that differ in anything have different names, and one has one name.
func TestListName(t *testing.T) {
	t.Parallel()
	query := func(typ *schema.Type, text, by, order string) TypeQuery {
		of := TypeQuery{Type: typ}
		if text != "" {
			f, err := filter.Parse(typ, text)
			if err != nil {
				t.Fatal(err)
			}
			of.Filter = f
		}
		if sorts, err := filter.ParseSort([]*schema.Type{typ}, by, order); err != nil {
			t.Fatal(err)
		} else if sorts != nil {
			of.Sort = &sorts[0]
		}
		return of
	}
	users := query(schema.User, "", "", "")
	names := []string{
		listName(1, "list", users),
		listName(2, "list", users),
		listName(1, "all", users),
		listName(1, "all", users, query(schema.Group, "", "", "")),
		listName(1, "list", query(schema.Group, "", "", "")),
		listName(1, "list", query(schema.User, "title pr", "", "")),
		listName(1, "list", query(schema.User, "", "title", "")),
		listName(1, "list", query(schema.User, "", "title", "descending")),
		listName(1, "list", query(schema.User, "title pr", "title", "")),
		listName(1, "list", query(schema.User, `title eq "x\nby title"`, "", "")),
	}
	seen := map[string]bool{}
	for _, name := range names {
		if seen[name] {
			t.Errorf("two lists have the name %q", name)
		}
		seen[name] = true
	}
	same := listName(1, "list", query(schema.User, " TITLE Pr ", "Title", strings.ToUpper("ascending")))
	if same != names[8] {
		t.Errorf("%q is not %q", same, names[8])
	}
}
