package directory

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// MaxSchemas is how many schemas an organisation may have.
const MaxSchemas = 20

// Schemas lists the schemas that the organisation has declared, the oldest first.
func (d *Directory) Schemas(ctx context.Context, o org.Org) ([]CustomSchema, error) {
	all, _, err := d.store.Org(o.ID).Schemas(ctx)
	return all, err
}

// Schema reads one of the organisation's schemas by its URN in any case.
func (d *Directory) Schema(ctx context.Context, o org.Org, urn string) (CustomSchema, error) {
	all, err := d.Schemas(ctx, o)
	if err != nil {
		return CustomSchema{}, err
	}
	i := slices.IndexFunc(all, func(c CustomSchema) bool { return strings.EqualFold(c.URN, urn) })
	if i < 0 {
		return CustomSchema{}, noSchema(urn)
	}
	return all[i], nil
}

// CreateSchema declares a schema that extends the resource type User or Group.
// It counts here at once, and on other servers within a second.
func (d *Directory) CreateSchema(ctx context.Context, o org.Org, resource string, definition []byte) (CustomSchema, error) {
	s, text, err := readDefinition(definition)
	if err != nil {
		return CustomSchema{}, err
	}
	if err := checkWord("resourceType", resource, schema.User.Name, schema.Group.Name); err != nil {
		return CustomSchema{}, err
	}
	made, err := d.store.Org(o.ID).CreateSchema(ctx, CustomSchema{URN: s.ID, Resource: resource, Definition: text}, func(all []CustomSchema) error {
		if len(all) >= MaxSchemas {
			return scim.Conflict("the organisation has %d schemas, and no more than %d are allowed", len(all), MaxSchemas)
		}
		return d.checkCustom(s, all)
	})
	return made, d.redeclare(ctx, o, s.ID, err)
}

// UpdateSchema gives a schema of which version, unless it is nil, is the current
// revision another definition. While users or groups have values of the schema,
// these must stay valid (schema.Schema.CheckReplacement).
func (d *Directory) UpdateSchema(ctx context.Context, o org.Org, urn string, version *int64, definition []byte) (CustomSchema, error) {
	s, text, err := readDefinition(definition)
	if err != nil {
		return CustomSchema{}, err
	}
	known, err := d.Schema(ctx, o, urn)
	if err != nil {
		return CustomSchema{}, err
	}
	changed, err := d.store.Org(o.ID).UpdateSchema(ctx, known.URN, text, func(old CustomSchema, carriers int) error {
		if version != nil && *version != old.Revision {
			return scim.Conflict("version: %d is not the current one; read the schema again and repeat the change", *version)
		}
		return d.checkReplacement(old, s, carriers)
	})
	return changed, d.redeclare(ctx, o, known.URN, err)
}

func (d *Directory) checkReplacement(old CustomSchema, next *schema.Schema, carriers int) error {
	before, err := schema.ParseSchema(old.Definition)
	if err != nil {
		return err
	}
	if next.ID != before.ID {
		return scim.InvalidValue("schema: id is %q; it cannot change, and is %q", next.ID, before.ID)
	}
	if err := d.checkCustom(next, nil); err != nil {
		return err
	}
	if carriers == 0 {
		return nil
	}
	if err := before.CheckReplacement(next); err != nil {
		return scim.Conflict("schema: %s, because %d resources have values of the schema", err, carriers).Because(err)
	}
	return nil
}

// DeleteSchema removes a schema. While users or groups have values of it, it is
// only removed by force, and they lose those values and get a new version.
func (d *Directory) DeleteSchema(ctx context.Context, o org.Org, urn string, force bool) error {
	known, err := d.Schema(ctx, o, urn)
	if err != nil {
		return err
	}
	_, err = asDeclared(ctx, d, o, schema.User, func(*schema.Type) (struct{}, error) {
		types, err := d.TypesOf(ctx, o)
		if err != nil {
			return struct{}{}, err
		}
		return struct{}{}, d.store.Org(o.ID).DeleteSchema(ctx, types, known.URN, func(_ CustomSchema, carriers int) error {
			if carriers > 0 && !force {
				return scim.Conflict("the schema %q cannot be deleted: %d resources have values of it; "+
					"remove the values first, or delete by force, which removes them", known.URN, carriers)
			}
			return nil
		})
	})
	return d.redeclare(ctx, o, known.URN, err)
}

// readDefinition reads a schema and gives it in the one spelling that is kept.
func readDefinition(definition []byte) (*schema.Schema, []byte, error) {
	if len(definition) > schema.MaxSchema {
		return nil, nil, scim.InvalidValue("schema: it has %d bytes, and at most %d are allowed", len(definition), schema.MaxSchema)
	}
	s, err := schema.ParseSchema(definition)
	if err != nil {
		return nil, nil, scim.InvalidValue("schema: %s", err).Because(err)
	}
	text, err := json.Marshal(s.Describe())
	return s, text, err
}

// checkCustom refuses what cannot extend the types beside the other schemas.
func (d *Directory) checkCustom(s *schema.Schema, others []CustomSchema) error {
	types, err := d.extended(others)
	if err != nil {
		return err
	}
	if err := types.CheckCustom(s); err != nil {
		return scim.InvalidValue("schema: %s", err).Because(err)
	}
	return nil
}

// redeclare makes this server see a change at once, unless it failed.
func (d *Directory) redeclare(ctx context.Context, o org.Org, urn string, failure error) error {
	if errors.Is(failure, ErrNotFound) {
		return noSchema(urn)
	}
	if failure != nil {
		return failure
	}
	if _, err := d.declare(ctx, o.ID); err != nil {
		// It is done. Requests read it when their organisation tells the new version.
		d.log.Warn("the schemas were not read after a change", "org", o.ID, "error", err)
	}
	return nil
}

func noSchema(urn string) error {
	return scim.NotFound("the organisation has no schema %q of its own", urn)
}
