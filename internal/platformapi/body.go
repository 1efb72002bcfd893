package platformapi

import (
	"net/http"

	"github.com/purescim/purescim/internal/httpapi"
	"github.com/purescim/purescim/internal/scim"
)

// body is the object that a request carries. It keeps the first thing that is
// wrong with a field, so that a reader can take all fields and then ask. Fields
// that nobody takes are ignored; null is as good as missing.
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

func (b *body) text(name string) string  { return take[string](b, name, "a string") }
func (b *body) boolean(name string) bool { return take[bool](b, name, "true or false") }

// required gives a text that must be there.
func (b *body) required(name string) string {
	text := b.text(name)
	if text == "" {
		b.fail("%s is required and may not be empty", name)
	}
	return text
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
