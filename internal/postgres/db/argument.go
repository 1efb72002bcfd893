package db

import (
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgtype/zeronull"
)

// ID is an id as an argument. A uuid.UUID would go as text, through its driver.Valuer.
type ID uuid.UUID

// IDs are several as one argument.
type IDs []uuid.UUID

// UUIDValue implements pgtype.UUIDValuer.
func (id ID) UUIDValue() (pgtype.UUID, error) { return pgtype.UUID{Bytes: id, Valid: true}, nil }

// Dimensions implements pgtype.ArrayGetter.
func (ids IDs) Dimensions() []pgtype.ArrayDimension {
	return []pgtype.ArrayDimension{{Length: int32(len(ids)), LowerBound: 1}}
}

// Index implements pgtype.ArrayGetter.
func (ids IDs) Index(i int) any { return (*ID)(&ids[i]) }

// IndexType implements pgtype.ArrayGetter.
func (ids IDs) IndexType() any { return new(ID) }

// NewID makes an id for a row of which nobody asks when it was made.
func NewID() ID { return ID(uuid.Must(uuid.NewV7())) }

// MaxArguments is room for those of any statement that writes.
const MaxArguments = 48

// What is null in PostgreSQL where it is zero in Go: NullTime(t) is an argument, and
// (*NullTime)(&t) what a column is read into.
type (
	// NullTime is a time.
	NullTime = zeronull.Timestamptz
	// NullID is an id.
	NullID = zeronull.UUID
	// NullText is a text.
	NullText = zeronull.Text
	// NullInt is a number.
	NullInt = zeronull.Int8
)

// NullIDs are ids that are null when there are none.
func NullIDs(ids []uuid.UUID) any {
	if len(ids) == 0 {
		return nil
	}
	return IDs(ids)
}

// ChosenIDs is the argument for the ids of a selection: null chooses all.
func ChosenIDs(ids []uuid.UUID) any {
	if ids == nil {
		return nil
	}
	return IDs(ids)
}
