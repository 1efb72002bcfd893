package db

import (
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgtype"
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

// OrNull is an id that is null when it is zero.
func OrNull(id uuid.UUID) any {
	if id == uuid.Nil {
		return nil
	}
	return ID(id)
}

// TextOrNull is a text that is null when it is empty.
func TextOrNull(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// ChosenIDs is the argument for the ids of a selection: null chooses all.
func ChosenIDs(ids []uuid.UUID) any {
	if ids == nil {
		return nil
	}
	return IDs(ids)
}
