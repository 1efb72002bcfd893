package logstore

import (
	"encoding/json"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/postgres/db"
	"github.com/purescim/purescim/internal/provisioning"
)

const (
	// loopsKept is how long it is kept what clients do again and again; a day of it is
	// told.
	loopsKept = 26 * time.Hour
	// mostLoopRows is how many rows of it an organisation may have, and mostLoopsShown how
	// many loops are told.
	mostLoopRows, mostLoopsShown = 5000, 100
)

// addLoops adds what a server has seen again and again to its own rows.
var addLoops = db.New(`
insert into provisioning_loops as l (org_id, client_id, target_id, kind, what, began_at, server, target_type, n, last_at, spellings)
select @org, s.client_id, s.target_id, s.kind, s.what, date_trunc('hour', s.last_at, 'UTC'), @server, s.target_type, s.n, s.last_at, s.spellings
from   unnest(@clients::uuid[], @targets::uuid[], @kinds::text[], @whats::text[], @types::text[],
              @counts::bigint[], @last::timestamptz[], @spellings::text[])
       as s (client_id, target_id, kind, what, target_type, n, last_at, spellings)
where  (select count(*) from (select from provisioning_loops o where o.org_id = @org limit @most) known) < @most
and    not exists (select from deleted_users d where d.org_id = @org and d.user_name_key = '' and d.id = s.target_id) -- who was erased
on conflict (org_id, client_id, target_id, kind, what, began_at, server) do update
set    n = l.n + excluded.n, last_at = excluded.last_at, spellings = excluded.spellings`)

var forgetLoops = db.New(`delete from provisioning_loops l where l.org_id = @org and l.began_at < @before`)

// selectLoops finds what was done more often than the organisation lists, the most often
// first, with the name that the resource has now.
var selectLoops = db.New(`
select busy.client_id, busy.target_type, busy.target_id,
       coalesce((select u.doc::jsonb->>'userName' from users u where u.org_id = @org and u.id = busy.target_id),
                (select g.display_name from groups g where g.org_id = @org and g.id = busy.target_id), ''),
       busy.kind, busy.what, busy.n, busy.last_at, busy.spellings
from   (select l.client_id, l.target_type, l.target_id, l.kind, l.what, sum(l.n)::bigint as n, max(l.last_at) as last_at,
               (array_agg(l.spellings order by l.last_at desc))[1] as spellings
        from   provisioning_loops l
        where  l.org_id = @org and l.last_at > @since
        group  by l.client_id, l.target_type, l.target_id, l.kind, l.what
        having sum(l.n) > (select o.loop_limit from orgs o where o.org_id = @org and o.loop_limit > 0)
        order  by n desc, l.target_id, l.kind, l.what
        limit  @most) busy
order  by busy.n desc, busy.target_id, busy.kind, busy.what`)

func loopArguments(all []provisioning.Loop) []db.Arg {
	var clients, targets db.IDs
	var kinds, whats, types, spelled []string
	var counts []int64
	var last []time.Time
	for _, l := range all {
		text, _ := json.Marshal(l.Spellings) // texts can always be written
		clients, targets = append(clients, l.Client), append(targets, l.Target.ID)
		kinds, whats, types = append(kinds, string(l.Kind)), append(whats, Storable(l.What)), append(types, string(l.Target.Type))
		counts, last, spelled = append(counts, l.N), append(last, l.Last), append(spelled, Storable(string(text)))
	}
	return []db.Arg{
		db.Named("clients", clients), db.Named("targets", targets), db.Named("kinds", kinds), db.Named("whats", whats), db.Named("types", types),
		db.Named("counts", counts), db.Named("last", last), db.Named("spellings", spelled), db.Named("most", mostLoopRows),
	}
}

func (a *activity) readLoop(row pgx.Rows) error {
	var l provisioning.Loop
	var spelled []byte
	err := row.Scan(&l.Client, &l.Target.Type, &l.Target.ID, &l.Target.Name, &l.Kind, &l.What, &l.N, &l.Last, &spelled)
	_ = json.Unmarshal(spelled, &l.Spellings) // none, where it cannot be read
	c := a.of(l.Client)
	c.Loops = append(c.Loops, l)
	return err
}
