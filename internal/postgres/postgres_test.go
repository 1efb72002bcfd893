package postgres

import (
	"context"
	"testing"
	"time"

	"github.com/purescim/purescim/internal/schema"
)

func TestRun_FoldsUntilTheEnd(t *testing.T) {
	t.Parallel()
	o := newTenant(t)
	o.users(3)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		o.Run(ctx)
		close(done)
	}()
	for o.number(`select count(*) from count_changes`) > 0 {
		time.Sleep(time.Millisecond)
	}
	cancel()
	<-done
	expect(t, "base", o.number(`select n from counts where org_id = $1 and kind = 1`, o.Tenant.Org), 3)
	o.consistent()
}

// A deadlock between two deletions whose users manage each other is nobody's error.
func TestDeleteUser_OfEachOthersManagers(t *testing.T) {
	t.Parallel()
	o := newTenant(t)
	ids := o.users(writers)
	for i, id := range ids {
		boss := ids[i^1]
		o.update(schema.User, id, with(schema.Manager, map[string]any{"value": boss.String()}))
	}
	atOnce(t, func(n int) error {
		return o.DeleteUser(t.Context(), schema.User, ids[n], anyVersion, schema.Manager.Clear)
	})
	expect(t, "users", o.number(`select count(*) from users`), 0)
	o.consistent()
}
