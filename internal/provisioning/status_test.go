package provisioning_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/provisioning"
)

// What is counted waits in memory, a bounded number of it, and is stored once.
func TestLog_CountsInMemory(t *testing.T) {
	t.Parallel()
	m := &memory{refused: true}
	l := provisioning.New(m, nil)
	client, user := uuid.New(), uuid.New()
	outcome := func(kind provisioning.OutcomeKind, id uuid.UUID) provisioning.Outcome {
		return provisioning.Outcome{Client: client, Kind: kind, Target: provisioning.Target{Type: provisioning.User, ID: id}, Refusal: uuid.New()}
	}
	flush := func() provisioning.Counted {
		t.Helper()
		m.counted = nil
		if err := l.FlushCounts(t.Context()); err != nil || len(m.counted) != 1 {
			t.Fatalf("stored %v: %v", m.counted, err)
		}
		return m.counted[0]
	}
	for _, kind := range []provisioning.OutcomeKind{provisioning.WasRefused, provisioning.Changed, provisioning.Unchanged, provisioning.Read, provisioning.WasHeld, provisioning.Failed} {
		l.Count(1, outcome(kind, user))
	}
	c := flush()
	var sum provisioning.Counts
	for _, span := range c.Spans {
		sum.Add(span.Counts)
	}
	if sum != (provisioning.Counts{Done: 1, Unchanged: 1, Read: 1, Refused: 1, Held: 1, Failed: 1}) || len(c.Refused) != 1 || len(c.Succeeded) != 0 {
		t.Errorf("counted %+v", c)
	}
	for range 6000 {
		l.Count(1, outcome(provisioning.WasRefused, uuid.New()))
		l.Count(1, outcome(provisioning.Changed, uuid.New()))
	}
	if c = flush(); len(c.Refused) != 5000 || len(c.Succeeded) != 5000 {
		t.Errorf("%d refused and %d succeeded wait", len(c.Refused), len(c.Succeeded))
	}
	m.refused = false
	l.Count(1, outcome(provisioning.Changed, user))
	flush()
	l.Count(1, outcome(provisioning.Changed, user))
	if c = flush(); len(c.Succeeded) != 0 {
		t.Errorf("%d successes are stored where nobody is refused", len(c.Succeeded))
	}
}

// The sentence tells first what an administrator must know.
func TestJudge_SaysWhatIsToBeDone(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 28, 12, 34, 0, 0, time.UTC)
	client := func(edit func(c *provisioning.ClientActivity)) provisioning.Activity {
		c := provisioning.ClientActivity{ID: uuid.New(), Name: "Okta", Spans: []provisioning.SpanCounts{
			{Began: at.Add(-25 * time.Hour), Counts: provisioning.Counts{Done: 8}},
			{Began: at.Add(-100 * time.Minute).Truncate(provisioning.CountSpan), Counts: provisioning.Counts{Done: 4, Refused: 1}},
			{Began: at.Add(-9 * time.Minute), Counts: provisioning.Counts{Done: 1}},
		}}
		edit(&c)
		return provisioning.Activity{At: at, Clients: []provisioning.ClientActivity{{Name: "idle"}, c}}
	}
	end := func(issued, expires time.Duration) *provisioning.TokenEnd {
		return &provisioning.TokenEnd{Issued: at.Add(issued), Expires: at.Add(expires)}
	}
	const day = 24 * time.Hour
	for _, test := range []struct {
		edit  func(c *provisioning.ClientActivity)
		state provisioning.State
		want  string
	}{
		{func(*provisioning.ClientActivity) {}, "working", "Provisioning works. Okta made 1 change in the last hour; nobody was refused."},
		{func(c *provisioning.ClientActivity) { c.Spans = nil }, "silent", "No request has come in the last 24 hours."},
		{func(c *provisioning.ClientActivity) { c.Token = end(-day, 12*day+time.Hour) }, "working", "Provisioning works. Okta made 1 change in the last hour; nobody was refused. The token of Okta ends in 12 days, on 2026-12-10."},
		{func(c *provisioning.ClientActivity) { c.Token = end(-day, day) }, "working", "Provisioning works. Okta made 1 change in the last hour; nobody was refused."},
		{func(c *provisioning.ClientActivity) { c.Holds = 1 }, "held", "Provisioning is held. Okta made 1 change in the last hour; nobody was refused. Removals by Okta are held until somebody releases or rejects them (purescim hold list)."},
		{func(c *provisioning.ClientActivity) {
			c.Holds, c.RefusedUsers, c.HeldUsers = 1, 2, 1
			c.Refused = []provisioning.RefusedRequest{{Result: provisioning.Held, Error: provisioning.Error{Detail: "held"}}, {Result: provisioning.Refused, Target: provisioning.Target{Type: provisioning.User, Name: "ada"}, Error: provisioning.Error{Detail: "wrong"}}}
			c.Spans[2].Counts = provisioning.Counts{Done: 1, Refused: 1, Held: 3}
		}, "held", "Provisioning is held. Okta made 1 change in the last hour; 1 request was refused, and 3 held. Removals by Okta are held until somebody releases or rejects them (purescim hold list). 1 user of Okta is refused at present, the last: ada: wrong."},
		{func(c *provisioning.ClientActivity) {
			c.Holds, c.RefusedUsers, c.HeldUsers = 1, 3, 1
			c.Refused = []provisioning.RefusedRequest{{Result: provisioning.Held}}
			c.Spans[2].Counts = provisioning.Counts{Done: 1, Held: 3}
		}, "held", "Provisioning is held. Okta made 1 change in the last hour; 3 requests were held. Removals by Okta are held until somebody releases or rejects them (purescim hold list). 2 users of Okta are refused or held at present."},
		{func(c *provisioning.ClientActivity) { c.RefusedUsers = 1000 }, "partly", "Provisioning works in part. Okta made 1 change in the last hour; nobody was refused. 1000 or more users of Okta are refused at present."},
	} {
		s := provisioning.Judge(client(test.edit))
		if s.State != test.state || s.Sentence != test.want {
			t.Errorf("%s: %s\nwant %s: %s", s.State, s.Sentence, test.state, test.want)
		}
		if c := s.Clients[1]; c.Spans != nil && (c.Hour.Done != 1 || s.Hours[22].Done != 0 || s.Hours[21].Done != 4 || s.Hours[23].Done != 1) {
			t.Errorf("hours are %+v", s.Hours)
		}
	}
}
