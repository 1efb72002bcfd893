package console

import (
	"testing"
	"time"

	"github.com/purescim/purescim/internal/provisioning"
)

// A client that asks for other things than provisioning is not called silent beside the time of
// its last request.
func TestHealth(t *testing.T) {
	t.Parallel()
	used := func(ago time.Duration) provisioning.ClientStatus {
		c := provisioning.ClientStatus{State: provisioning.Silent}
		c.Token = &provisioning.TokenEnd{Used: time.Now().Add(-ago)}
		return c
	}
	for want, c := range map[string]provisioning.ClientStatus{
		"no provisioning": used(time.Minute),
		"silent":          used(48 * time.Hour),
		"works":           {State: provisioning.Working},
	} {
		if got := health(c).Word; got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
