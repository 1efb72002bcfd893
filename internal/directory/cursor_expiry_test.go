package directory_test

import (
	"testing"
	"time"

	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/servertest"
)

// A client that is too slow is told so by the name that the standard has for it, and
// may begin again.
func TestCursors_ThatAreTooOldAreRefused(t *testing.T) {
	t.Parallel()
	server := servertest.New(t)
	var late time.Duration
	server.Directory.TellTime(func() time.Time { return time.Now().Add(late) })
	o := server.NewOrg(t)
	for _, name := range []string{"a@example.org", "b@example.org"} {
		o.Do(t, "POST", "/Users", map[string]any{"userName": name, "displayName": name}).Want(t, 201)
	}
	const first = "/Users?count=1&cursor="
	for _, sort := range []string{"", "&sortBy=userName"} {
		late = 0
		next := first + o.Do(t, "GET", first+sort, nil).Want(t, 200).List(t).NextCursor + sort
		late = schema.DefaultService.CursorTimeout - time.Minute
		o.Do(t, "GET", next, nil).Want(t, 200)
		late = schema.DefaultService.CursorTimeout + time.Minute
		o.Do(t, "GET", next, nil).Refused(t, 400, "expiredCursor")
		o.Do(t, "GET", first+sort, nil).Want(t, 200)
	}
}
