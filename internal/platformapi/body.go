package platformapi

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/purescim/purescim/internal/httpapi"
	"github.com/purescim/purescim/internal/scim"
)

// body is the object that a request carries. It keeps the first thing that is
// wrong with a field, so that a reader can take all fields and then ask. Fields
// that no reader takes are ignored; null counts as missing.
type body struct {
	fields map[string]any
	err    error
}

func readBody(r *http.Request) (*body, error) {
	text, err := httpapi.Body(r)
	if err != nil {
		return nil, err
	}
	fields, err := scim.ParseObject(text)
	return &body{fields: fields}, err
}

// take gives a field as a T, or the zero T. kind names what is expected.
func take[T any](b *body, name, kind string) T {
	value, ok := b.fields[name].(T)
	if !ok && b.fields[name] != nil {
		b.fail("%s is %s; %s is expected", name, scim.KindOf(b.fields[name]), kind)
	}
	return value
}

// has reports whether a field is there.
func (b *body) has(name string) bool { return b.fields[name] != nil }

func (b *body) text(name string) string  { return take[string](b, name, "a string") }
func (b *body) boolean(name string) bool { return take[bool](b, name, "true or false") }

// object gives an object that must be there, as JSON.
func (b *body) object(name string) []byte {
	object := take[map[string]any](b, name, "an object")
	if object == nil {
		b.fail("%s is required: an object", name)
	}
	text, err := json.Marshal(object)
	if err != nil {
		b.fail("%s cannot be read", name)
	}
	return text
}

// required gives a text that must be there.
func (b *body) required(name string) string {
	text := b.text(name)
	if text == "" {
		b.fail("%s is required and may not be empty", name)
	}
	return text
}

// optional gives what take gives of a field that is there, or nil.
func optional[T any](b *body, name, kind string) *T {
	if !b.has(name) {
		return nil
	}
	value := take[T](b, name, kind)
	return &value
}

// version gives the version that a change is made to, which may be missing.
func (b *body) version() *int64 { return b.integer("version") }

// integer gives a whole number that may be missing.
func (b *body) integer(name string) *int64 {
	number := optional[json.Number](b, name, "a whole number")
	if number == nil {
		return nil
	}
	n, err := number.Int64()
	if err != nil {
		b.fail("%s is %q; a whole number is expected", name, *number)
	}
	return &n
}

// readText takes a text by take: nil when it is missing from a body that is not
// the whole of what it changes.
func readText(b *body, name string, whole bool, take func(b *body, name string) string) *string {
	if !whole && !b.has(name) {
		return nil
	}
	text := take(b, name)
	return &text
}

// setText takes over a text that is there.
func setText(to, from *string) {
	if from != nil {
		*to = *from
	}
}

// list gives a list whose elements are all a T; it is never nil.
func list[T any](b *body, name, kind string) []T {
	elements := take[[]any](b, name, "an array")
	typed := make([]T, 0, len(elements))
	for _, element := range elements {
		value, ok := element.(T)
		if !ok {
			b.fail("%s holds %s; %s is expected in each place", name, scim.KindOf(element), kind)
		}
		typed = append(typed, value)
	}
	return typed
}

func (b *body) fail(format string, args ...any) {
	if b.err == nil {
		b.err = scim.InvalidValue(format, args...)
	}
}

// failIn takes over what is wrong with an element of a list.
func (b *body) failIn(list string, element *body) {
	if wrong := (*scim.Error)(nil); errors.As(element.err, &wrong) {
		b.fail("%s: %s", list, wrong.Detail)
	}
}
