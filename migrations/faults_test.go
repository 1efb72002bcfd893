package migrations

import "testing"

// Errors of the network that releases before have kept are told to nobody any more.
func TestFaults_AreWords(t *testing.T) {
	t.Parallel()
	url := emptyDatabase(t)
	if err := up(t.Context(), url, before(t, "00018"), nil); err != nil {
		t.Fatal(err)
	}
	execute(
		t, url,
		`insert into events (org_id, id, seq, made_at, queued_at, dead_at, fault, claims)
		 select 1, gen_random_uuid(), n, now(), now(), now(), fault, '{}'
		 from   unnest(array['dial tcp 10.1.2.3:443: connect: connection refused', 'lookup db.corp on 10.0.0.2:53: no such host', 'invalid_key: what is it?']) with ordinality f (fault, n)`,
		`insert into event_progress (org_id, fault) values (1, 'dial tcp 10.1.2.3:443: i/o timeout'), (2, ''), (3, 'tls')`,
	)
	if err := Up(t.Context(), url, nil); err != nil {
		t.Fatal(err)
	}
	for sql, want := range map[string]int{
		`select count(*) from events where fault = 'unreachable'`:                            2,
		`select count(*) from events where fault = 'invalid_key: what is it?'`:               1,
		`select count(*) from event_progress where (org_id, fault) = (1, 'unreachable')`:     1,
		`select count(*) from event_progress where (org_id, fault) in ((2, ''), (3, 'tls'))`: 2,
	} {
		if got := count(t, url, sql); got != want {
			t.Errorf("%s: %d, want %d", sql, got, want)
		}
	}
}
