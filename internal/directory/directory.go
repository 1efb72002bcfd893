// Package directory holds the rules: what an organisation's users and groups
// may be and become. It declares the store it needs and knows neither SQL nor
// HTTP.
//
// What an attribute is, it leaves to package schema; how operations and filters
// read, to patch and filter; who may call it, to oauth and the doors.
package directory

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/fairshare"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/patch"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// Directory applies the rules to a store. It is safe for concurrent use.
type Directory struct {
	store     Store
	types     schema.Types
	declared  declarations
	log       *slog.Logger
	cursors   cursors
	computing *fairshare.Gate[org.ID]
	hashing   *fairshare.Gate[org.ID] // of passwords
}

// New makes a directory of the given resource types; the first must be the
// User type, the second the Group type.
func New(store Store, types schema.Types, log *slog.Logger) *Directory {
	d := &Directory{store: store, types: types, log: log, computing: newComputing(), hashing: newHashing()}
	d.cursors.now = d.Now
	d.cursors.load = func(ctx context.Context) ([]byte, error) { return store.CursorKey(ctx) }
	return d
}

// Now is the time by which all servers of the store go.
func (d *Directory) Now() time.Time { return d.store.Now() }

// Rehearse runs work in a transaction that is rolled back: each write sees those before it,
// and none of them stays. It may run work again. Work uses one goroutine, and marks each of
// its writes as a dry run (provisioning.WithAttempt).
func (d *Directory) Rehearse(ctx context.Context, o org.Org, work func(ctx context.Context) error) error {
	return d.store.Org(o.ID).Jointly(ctx, false, work)
}

// options are the options of decoding for an organisation; ignored attributes are not reported.
func (d *Directory) options(o org.Org) schema.Options {
	return schema.Options{Region: o.Settings.DefaultRegion, Strict: o.Settings.Strict, Domain: o.Domain}
}

// warning gives the options of decoding for a write, and a function that logs the ignored
// attributes, unless left logs them when the write is done.
func (d *Directory) warning(ctx context.Context, o org.Org, left *tolerance) (options schema.Options, tell func()) {
	rest := ignoredOf(ctx)
	options = left.options(d.options(o))
	options.Warn = rest.add
	if left != nil {
		left.ignored = rest
		return options, func() {}
	}
	return options, func() { rest.tell(ctx, d.log, o.ID) }
}

// decode reads the body of a POST or PUT. Ignored attributes are logged in one line for the
// body, or for all bodies of ctx (GatherIgnored).
func (d *Directory) decode(ctx context.Context, o org.Org, t *schema.Type, body map[string]any, left *tolerance) (schema.Input, error) {
	options, tell := d.warning(ctx, o, left)
	defer tell()
	rest, keys, err := patch.CompileKeys(t, body, options)
	if err != nil {
		return schema.Input{}, err
	}
	in, err := t.Decode(rest, options)
	if err != nil || keys == nil {
		return in, err
	}
	for a := range t.Attributes {
		if keys.Touches(a) {
			in.Add(a)
		}
	}
	in.Doc, err = keys.Apply(in.Doc)
	return in, err
}

// compile reads the operations of a PATCH, as decode reads a body.
func (d *Directory) compile(ctx context.Context, o org.Org, t *schema.Type, ops []scim.PatchOp, left *tolerance) (*patch.Plan, error) {
	options, tell := d.warning(ctx, o, left)
	defer tell()
	if len(ops) < manyOperations {
		return patch.Compile(t, ops, options)
	}
	return inTurn(ctx, d, o.ID, func() (*patch.Plan, error) { return patch.Compile(t, ops, options) })
}

// parseID reads the id of a path. A malformed id is the id of nothing.
func parseID(t *schema.Type, id string) (uuid.UUID, error) {
	u, ok := exactID(id)
	if !ok {
		return uuid.UUID{}, notFound(t, id)
	}
	return u, nil
}

// exactID reads an id in the one spelling that the server gives: ids are
// compared exactly (BEHAVIOUR 12).
func exactID(id string) (uuid.UUID, bool) {
	u, err := uuid.Parse(id)
	return u, err == nil && u.String() == id
}

func notFound(t *schema.Type, id string) error {
	return scim.NotFound("%s %q does not exist", t.Name, id)
}

// toSCIM turns an error of the store into the error that the client gets.
func toSCIM(t *schema.Type, id string, err error) error {
	missing, lacks := errors.AsType[*MissingError](err)
	limit, isMore := errors.AsType[*LimitError](err)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrNotFound):
		return notFound(t, id)
	case lacks && slices.ContainsFunc(missing.References, func(r Reference) bool { return r.Schema != nil }):
		return schema.ErrUndeclared
	case lacks:
		return explainMissing(missing.References)
	case isMore:
		return scim.TooMany("the request would remove %d members from the group, and at most %d may be removed at once; "+
			"nothing was changed. Remove them in several requests, or raise the organisation's removal limit", limit.Removed, limit.Limit)
	default:
		return err
	}
}

func explainMissing(refs []Reference) error {
	if len(refs) == 0 {
		return fmt.Errorf("a store reported missing references without naming one")
	}
	first := refs[0]
	more := ""
	if len(refs) > 1 {
		more = fmt.Sprintf(" (and %d more)", len(refs)-1)
	}
	if first.Kind == 0 {
		return scim.InvalidValue("%s: %q is not the id of a user of the organisation%s", first.Attr, first.User, more)
	}
	return scim.InvalidValue("%s: the organisation has no %s named %q%s; create it first or correct the name", first.Attr, first.Kind, first.Name, more)
}
