package directory

import (
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/scim"
)

// FuzzCursor opens any text: it is refused with a 400, or is what was sealed for the list.
func FuzzCursor(f *testing.F) {
	now := time.Unix(1_800_000_000, 0)
	c := newCursors("key", &now)
	given, err := c.seal(f.Context(), "users", Position{ID: uuid.Max, Value: "ada"}, 10)
	if err != nil {
		f.Fatal(err)
	}
	for _, text := range []string{given, given[1:], given + "=", given + "\n", given[:9] + "\r" + given[9:], "", "AQ", "____________________________________"} {
		f.Add("users", text, "ada", true, uint16(10))
	}
	f.Fuzz(func(t *testing.T, list, text, value string, absent bool, size uint16) {
		_, _, err := c.open(t.Context(), list, text)
		if told := (*scim.Error)(nil); err == nil && (list != "users" || text != given) || err != nil && (!errors.As(err, &told) || told.Status != 400) {
			t.Errorf("%q for the list %q: %v", text, list, err)
		}
		p := Position{ID: uuid.NewSHA1(uuid.Nil, []byte(text)), Value: value, Absent: absent}
		sealed, err := c.seal(t.Context(), list, p, int(size))
		if err != nil {
			t.Fatal(err)
		}
		if got, count, err := c.open(t.Context(), list, sealed); got != p || count != int(size) || err != nil {
			t.Errorf("sealed %+v and %d, opened %+v and %d, %v", p, size, got, count, err)
		}
	})
}
