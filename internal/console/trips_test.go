package console_test

import (
	"context"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/accounts"
	"github.com/purescim/purescim/internal/httpapi"
	"github.com/purescim/purescim/internal/servertest"
)

// trips counts the round trips to the database that requests make.
type trips struct{ atomic.Int64 }

func (n *trips) count(ctx context.Context) context.Context {
	if httpapi.CorrelationID(ctx) != "" {
		n.Add(1)
	}
	return ctx
}

// TraceQueryStart implements pgx.QueryTracer.
func (n *trips) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	return n.count(ctx)
}

// TraceQueryEnd implements pgx.QueryTracer.
func (n *trips) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// TraceBatchStart implements pgx.BatchTracer.
func (n *trips) TraceBatchStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchStartData) context.Context {
	return n.count(ctx)
}

// TraceBatchQuery implements pgx.BatchTracer.
func (n *trips) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}

// TraceBatchEnd implements pgx.BatchTracer.
func (n *trips) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData) {}

// A page asks the database a few times, however much there is to tell: for the session, the
// organisation and those to switch to, and once for each thing that it shows.
func TestPages_AskSeldom(t *testing.T) {
	t.Parallel()
	var n trips
	s := servertest.NewWith(t, servertest.Options{Tracer: &n})
	f := furnish(t, s)
	// Many other entries, among which those of this connection are not.
	_, err := s.Store.Own().Exec(t.Context(), `
		insert into provisioning_log (org_id, id, client_id, actor, correlation_id, operation, target_type, target_name, result, status, error, detail)
		select $1, (lpad(to_hex((extract(epoch from now() - interval '1 minute') * 1000)::bigint), 12, '0') || '7000' || '8000' || lpad(to_hex(i), 12, '0'))::uuid,
		       gen_random_uuid(), 'Other', 'x', 'create', 'User', 'ada', 'refused', 400, 'no', '{}'
		from   generate_series(1, 7000) i`, int64(f.ID))
	if err != nil {
		t.Fatal(err)
	}
	b := member(t, s, f.ID, "ada@example.org", accounts.Owner)
	b.post(f.home+"/catalogue/schemas", badgeForm()...).want(http.StatusOK)
	connection := f.home + "/connections/" + f.client.String()
	for _, page := range []struct {
		path string
		most int64
	}{
		{f.home, 7},
		{f.home + "/activity", 4},
		{f.home + "/people", 4},
		{f.home + "/people/" + f.person, 4},
		{f.home + "/groups/" + f.group, 6},
		{f.home + "/connections", 7},
		{f.home + "/catalogue/schemas", 4},
		{f.home + "/catalogue/schemas/" + badgeID, 5},
		{connection, 11},
		{connection + "/check", 9},
	} {
		before := n.Load()
		b.get(page.path).want(http.StatusOK)
		if asked := n.Load() - before; asked == 0 || asked > page.most {
			t.Errorf("%s asks the database %d times, want %d at most", page.path, asked, page.most)
		}
	}
}
