package directory

import (
	"context"
	"time"

	"github.com/purescim/purescim/internal/schema"
)

// Schemas is the part of a View that keeps the schemas by which the organisation
// extends its resource types.
type Schemas interface {
	// Schemas lists the schemas, the oldest first, and their version: how often
	// they have changed.
	Schemas(ctx context.Context) (all []CustomSchema, version int64, err error)

	// CreateSchema stores a schema, unless allow has an objection with all others
	// in hand. None is created or changed meanwhile.
	CreateSchema(ctx context.Context, s CustomSchema, allow func(all []CustomSchema) error) (CustomSchema, error)

	// UpdateSchema gives a schema another definition, unless allow has an
	// objection; an equal one is no change. carriers counts the resources that hold
	// values of the schema; none begins to meanwhile.
	UpdateSchema(ctx context.Context, urn string, definition []byte, allow func(old CustomSchema, carriers int) error) (CustomSchema, error)

	// DeleteSchema removes a schema, unless allow has an objection, and its values
	// from the resources that hold some. types are those of the organisation.
	DeleteSchema(ctx context.Context, types schema.Types, urn string, allow func(old CustomSchema, carriers int) error) error
}

// CustomSchema is a schema that an organisation has declared.
type CustomSchema struct {
	URN string
	// Resource is the name of the resource type that it extends.
	Resource string
	// Definition is its document (RFC 7643 section 7), as schema.ParseSchema reads it.
	Definition []byte
	// Revision is the version of the organisation's schemas when it was last changed.
	Revision int64
	Created  time.Time
	Modified time.Time
}
