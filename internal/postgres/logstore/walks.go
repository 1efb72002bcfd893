package logstore

import (
	"context"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/postgres/db"
	"github.com/purescim/purescim/internal/postgres/pool"
	"github.com/purescim/purescim/internal/provisioning"
	"github.com/purescim/purescim/internal/schema"
)

// walk is a way through the log in its order: by what an index finds, past what is not as
// the rest of the conditions says. One that passes by entries ends after some of them, and
// the next page goes on where it has ended: so no page costs more for what is rare.
type walk struct {
	by, rest db.Fragment
	few      bool // entries are found by it, so that it need not walk
	ofNobody bool // of no client: the index has them in its order, which PostgreSQL sees only if it is named
}

// How many entries a walk looks at: of the log in its order, where they lie together, and of
// what an index picks out of it, where each may lie elsewhere.
const mostPassed, mostPicked = 5000, 2000

func (w walk) most() int {
	if w.by.IsEmpty() {
		return mostPassed
	}
	return mostPicked
}

// ends reports whether the walk may end before it has seen all.
func (w walk) ends() bool { return !w.few && !w.rest.IsEmpty() }

// A walk on what an index finds, in a direction and of so many entries: of all that it
// comes by, or of those that are as the rest says. Few entries are put in order
// before that (offset 0): PostgreSQL would rather walk the whole log in order, until a page
// is full, than sort what it takes for more.
const (
	walkLog = `(
select e.org_id, ` + logColumns + `
from   provisioning_log e
where  e.org_id = $1$?
order  by $?
limit  $?)`

	passLog = `(
select e.org_id, ` + logColumns + `
from   (select e.* from provisioning_log e where e.org_id = $1$? order by $? limit $?) e
where  e.org_id = $1$?
order  by $?
limit  $?)`

	findLog = `(
select e.org_id, ` + logColumns + `
from   (select e.* from provisioning_log e where e.org_id = $1$?$? offset 0) e
order  by $?
limit  $?)`

	// endLog is the last entry that passLog looks at, if it looks at as many as it may.
	endLog = `(
select e.org_id, e.id
from   provisioning_log e
where  e.org_id = $1$?
order  by $?
offset $? limit 1)`
)

// entries is the part of a statement that walks.
func (w walk) entries(s stretch) db.Fragment {
	by, order, count := db.Join("", w.by, spanOf(s)), w.order(s), db.Number(s.Limit+1)
	switch {
	case w.few:
		return db.SQL(findLog, by, w.rest, order, count)
	case w.rest.IsEmpty():
		return db.SQL(walkLog, by, order, count)
	default:
		return db.SQL(passLog, by, order, db.Number(w.most()), w.rest, order, count)
	}
}

// end is the part of a statement that tells where the walk ends.
func (w walk) end(s stretch) db.Fragment {
	return db.SQL(endLog, db.Join("", w.by, spanOf(s)), w.order(s), db.Number(w.most()-1))
}

// order is that of the log, as the index of the walk has it.
func (w walk) order(s stretch) db.Fragment {
	direction := directionOf(s.Query)
	if w.ofNobody {
		return db.SQL("e.client_id $?, e.id $?", direction, direction)
	}
	return db.SQL("e.id $?", direction)
}

// spanOf is between which ids a page lies.
func spanOf(q stretch) db.Fragment {
	all := []db.Fragment{q.months}
	add := func(text string, id uuid.UUID) { all = append(all, db.SQL(" and "+text, db.ID(id))) }
	if !q.From.IsZero() {
		add("e.id >= $?", provisioning.FirstID(q.From))
	}
	if !q.To.IsZero() {
		add("e.id < $?", provisioning.FirstID(q.To))
	}
	if q.Before != uuid.Nil {
		add("e.id < $?", q.Before)
	}
	if q.After != uuid.Nil {
		add("e.id > $?", q.After)
	}
	return db.Join("", all...)
}

// What is common has no row in the indexes of types and operations: see migration 00046.
var (
	commonTypes      = []provisioning.TargetType{provisioning.User, provisioning.Group}
	commonOperations = []provisioning.Operation{provisioning.Update, provisioning.MemberAdd, provisioning.MemberRemove}
)

// Conditions that say that an index serves.
const (
	ofRareType      = " and e.target_type = $? and e.target_type not in ('User', 'Group')"
	ofRareOperation = " and e.operation = $? and e.operation not in ('update', 'member_add', 'member_remove')"
	ofRareResult    = " and e.result = $? and e.result <> 'success'"
	ofNoClient      = " and e.client_id is null"
)

// walksOf are the walks that find what a query selects: by the index that serves the most
// particular of what is asked for. A name is looked up by each id that has or had it, and
// of several results or operations each has its walk.
func walksOf(ctx context.Context, from pool.Share, org int64, q provisioning.Query) ([]walk, error) {
	c := conditionsOf(q)
	rareResults := len(q.Results) > 0 && !slices.Contains(q.Results, provisioning.Success)
	switch {
	case q.CorrelationID != "" || q.TargetID != uuid.Nil || q.Target != "":
		found, err := targetsOf(ctx, from, org, q)
		if q.CorrelationID != "" {
			return c.correlated(found), err
		}
		return c.each(found, nil), err
	case q.Type != "" && !slices.Contains(commonTypes, q.Type):
		return c.each([]db.Fragment{db.SQL(ofRareType, string(q.Type))}, &c.ofType), nil
	case rareResults:
		return c.each(fragments(ofRareResult, q.Results), &c.result), nil
	case len(q.Operations) > 0:
		return c.byOperations(q), nil
	case q.Client != uuid.Nil:
		return c.each([]db.Fragment{c.client}, &c.client), nil
	case q.Actor != "":
		found, err := actorsOf(ctx, from, org, q.Actor)
		walks := c.each(found, nil)
		walks[0].ofNobody = !walks[0].by.IsEmpty()
		return walks, err
	default:
		return c.each([]db.Fragment{{}}, nil), nil
	}
}

// fragments are a condition for each of some words.
func fragments[T ~string](condition string, words []T) (each []db.Fragment) {
	for _, word := range words {
		each = append(each, db.SQL(condition, string(word)))
	}
	return each
}

// conditions are what is asked for of an entry, but for its target.
type conditions struct {
	correlation, client, actor, ofType, operation, result, words db.Fragment
}

func conditionsOf(q provisioning.Query) (c conditions) {
	if q.CorrelationID != "" {
		// The operations of a bulk request have its id with a colon and their place. What
		// else lies between is left out.
		c.correlation = db.SQL(" and e.correlation_id >= $? and e.correlation_id < $? and (e.correlation_id = $? or e.correlation_id >= $?)",
			q.CorrelationID, q.CorrelationID+";", q.CorrelationID, q.CorrelationID+":")
	}
	if q.Client != uuid.Nil {
		c.client = db.SQL(" and e.client_id = $?", db.ID(q.Client))
	}
	if q.Actor != "" {
		name := strings.ToLower(q.Actor)
		c.actor = db.SQL(" and lower(e.actor) in ($?, $?, $?)", name, cliPrefix+name, personPrefix+name)
	}
	if q.Type != "" {
		c.ofType = db.SQL(" and e.target_type = $?", string(q.Type))
	}
	if len(q.Operations) > 0 {
		c.operation = db.SQL(" and e.operation = any($?::text[])", wordsOf(q.Operations))
	}
	if len(q.Results) > 0 {
		c.result = db.SQL(" and e.result = any($?::text[])", wordsOf(q.Results))
	}
	for _, word := range q.Words {
		c.words = c.words.Then(" and position($? in lower(concat_ws(' ', e.target_name, e.actor, e.error))) > 0", strings.ToLower(word))
	}
	return c
}

// but joins all conditions but one, of c; nil is none.
func (c *conditions) but(one *db.Fragment) db.Fragment {
	var rest []db.Fragment
	for _, each := range []*db.Fragment{&c.correlation, &c.client, &c.actor, &c.ofType, &c.operation, &c.result, &c.words} {
		if each != one {
			rest = append(rest, *each)
		}
	}
	return db.Join("", rest...)
}

// each gives walks by some of what indexes find, which is one of the conditions of c; nil is
// none of them.
func (c *conditions) each(found []db.Fragment, one *db.Fragment) []walk {
	walks := make([]walk, len(found))
	for i, by := range found {
		walks[i] = walk{by: by, rest: c.but(one)}
	}
	return walks
}

// correlated gives walks to entries of one request, which are few, of some targets.
func (c *conditions) correlated(targets []db.Fragment) []walk {
	walks := make([]walk, len(targets))
	for i, target := range targets {
		walks[i] = walk{by: c.correlation, rest: db.Join("", target, c.but(&c.correlation)), few: true}
	}
	return walks
}

// byOperations gives a walk for each rare operation, and one for the common ones.
func (c *conditions) byOperations(q provisioning.Query) []walk {
	var rare, common []provisioning.Operation
	for _, operation := range q.Operations {
		if slices.Contains(commonOperations, operation) {
			common = append(common, operation)
		} else {
			rare = append(rare, operation)
		}
	}
	walks := c.each(fragments(ofRareOperation, rare), &c.operation)
	if len(common) == 0 {
		return walks
	}
	c.operation = db.SQL(" and e.operation = any($?::text[])", wordsOf(common))
	if q.Client != uuid.Nil {
		return append(walks, walk{by: c.client, rest: c.but(&c.client)})
	}
	return append(walks, walk{rest: c.but(nil)})
}

// targetsNamed finds the ids that have or had a name: users and groups as they are, users
// who were deleted, and what was renamed or deleted according to the log.
var targetsNamed = db.New(`
select u.id from users u where u.org_id = @org and u.user_name_key = @name
union
select d.id from deleted_users d where d.org_id = @org and d.user_name_key = @name
union
select g.id from groups g where g.org_id = @org and g.display_name_key = @name
union
select n.id from (
  select e.target_id as id
  from   provisioning_log e
  where  e.org_id = @org and e.target_key = @name and e.target_id is not null
  order  by e.id desc
  limit  100) n
limit 100`)

// targetsOf are the conditions by which the target of a query is found: of a name, what has
// or had it, and what was refused under it; an empty one where no target is asked for.
func targetsOf(ctx context.Context, from pool.Share, org int64, q provisioning.Query) ([]db.Fragment, error) {
	switch {
	case q.TargetID != uuid.Nil:
		return []db.Fragment{db.SQL(" and e.target_id = $?", db.ID(q.TargetID))}, nil
	case q.Target == "":
		return []db.Fragment{{}}, nil
	}
	name := schema.FoldName(q.Target)
	found := []db.Fragment{db.SQL(" and e.target_key = $? and e.target_id is null", name)}
	err := eachID(ctx, from, targetsNamed.With(db.Org(org), db.Named("name", name)), func(id uuid.UUID) {
		found = append(found, db.SQL(" and e.target_id = $?", db.ID(id)))
	})
	return found, err
}

// clientsNamed finds the clients that have or had a name.
var clientsNamed = db.New(`
select c.client_id from oauth_clients c where c.org_id = @org and lower(c.name) = @name
union
select n.id from (
  select e.target_id as id
  from   provisioning_log e
  where  e.org_id = @org and e.target_key = @key and e.target_type = @type and e.target_id is not null
  order  by e.id desc
  limit  100) n
limit 100`)

// actorsOf finds clients that have or had a name, and what no client has done; all, where
// there is no such client.
func actorsOf(ctx context.Context, from pool.Share, org int64, actor string) ([]db.Fragment, error) {
	found := []db.Fragment{db.SQL(ofNoClient)}
	named := clientsNamed.With(db.Org(org), db.Named("name", strings.ToLower(actor)), db.Named("key", schema.FoldName(actor)),
		db.Named("type", string(provisioning.OAuth)))
	err := eachID(ctx, from, named, func(id uuid.UUID) {
		found = append(found, db.SQL(" and e.client_id = $?", db.ID(id)))
	})
	if len(found) == 1 {
		found[0] = db.Fragment{} // whoever that was, the log may have had the name longer than the entries about it
	}
	return found, err
}

func eachID(ctx context.Context, from pool.Share, s db.Bound, visit func(id uuid.UUID)) error {
	return s.ReadAll(ctx, from, func(raw [][]byte) { visit(db.ReadID(raw[0])) })
}

// wordsOf are words as an argument.
func wordsOf[T ~string](words []T) []string {
	list := make([]string, len(words))
	for i, word := range words {
		list[i] = string(word)
	}
	return list
}
