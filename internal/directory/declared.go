package directory

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/schema"
)

// Types are the resource types that every organisation has.
func (d *Directory) Types() schema.Types { return d.types }

// TypesOf are the resource types as the organisation has them, with its own
// extensions, in the order of Types. They are read when the organisation tells of
// a newer version of its schemas than is known.
func (d *Directory) TypesOf(ctx context.Context, o org.Org) (schema.Types, error) {
	known, ok := d.declared.of(o.ID)
	switch {
	case known.version < o.SchemaVersion:
		return d.declare(ctx, o.ID)
	case ok:
		return known.types, nil
	default:
		return d.types, nil
	}
}

// asDeclared does a write with a resource type as the organisation has it, and
// once more when that was out of date: another server has changed a schema.
func asDeclared[T any](ctx context.Context, d *Directory, o org.Org, of *schema.Type, write func(t *schema.Type) (T, error)) (result T, err error) {
	types, err := d.TypesOf(ctx, o)
	if err != nil {
		return result, err
	}
	if result, err = write(types.Of(of)); !errors.Is(err, schema.ErrUndeclared) {
		return result, err
	}
	if types, err = d.declare(ctx, o.ID); err != nil {
		return result, err
	}
	return write(types.Of(of))
}

// declare reads the schemas of an organisation and remembers its types.
func (d *Directory) declare(ctx context.Context, o org.ID) (schema.Types, error) {
	all, version, err := d.store.Org(o).Schemas(ctx)
	if err != nil {
		return nil, err
	}
	types, err := d.extended(all)
	if err != nil {
		return nil, err
	}
	d.declared.put(o, declaration{version, types})
	return types, nil
}

// extended gives the types with custom schemas.
func (d *Directory) extended(all []CustomSchema) (schema.Types, error) {
	extensions := make(map[string][]*schema.Schema)
	for _, c := range all {
		s, err := schema.ParseSchema(c.Definition)
		if err != nil {
			return nil, fmt.Errorf("read the schema %s: %w", c.URN, err)
		}
		s.Revision = c.Revision
		extensions[c.Resource] = append(extensions[c.Resource], s)
	}
	types := slices.Clone(d.types)
	for i, t := range types {
		if own := extensions[t.Name]; len(own) > 0 {
			types[i] = t.With(own...)
		}
	}
	return types, nil
}

// declaration is what an organisation's types were in a version of its schemas.
type declaration struct {
	version int64
	types   schema.Types
}

// maxDeclared bounds the memory: some 100 kB for each organisation.
const maxDeclared = 2000

// declarations are those of organisations that ever had a schema. Each request
// reads them and hardly any adds one: so the map is replaced, never changed.
type declarations struct {
	known atomic.Pointer[map[org.ID]declaration]
	mu    sync.Mutex // of writers
}

func (d *declarations) of(o org.ID) (known declaration, ok bool) {
	if all := d.known.Load(); all != nil {
		known, ok = (*all)[o]
	}
	return known, ok
}

// put remembers a declaration, unless a newer one is known.
func (d *declarations) put(o org.ID, one declaration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := make(map[org.ID]declaration)
	if known := d.known.Load(); known != nil {
		maps.Copy(all, *known)
	}
	if all[o].version >= one.version {
		return
	}
	for other := range all {
		if len(all) < maxDeclared {
			break
		}
		delete(all, other) // whichever: it is read again when it is asked for
	}
	all[o] = one
	d.known.Store(&all)
}
