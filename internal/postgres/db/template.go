package db

import (
	"slices"
	"strconv"
	"strings"
)

// Fragment is a piece of SQL in which $? stands for the value of an argument, or for
// another fragment. So pieces are put together without numbers: Fill numbers the
// arguments when all are in their places. The zero Fragment is empty.
type Fragment struct {
	text string
	args []any
}

// SQL makes a fragment; args are what each $? of the text stands for, in turn: a
// Fragment stands for its own text, all else is an argument.
func SQL(text string, args ...any) Fragment { return Fragment{text, args} }

// Number is a whole number written out: PostgreSQL plans better for a limit that it
// sees.
func Number(n int) Fragment { return Fragment{text: strconv.Itoa(n)} }

// Join puts fragments one behind the other with a text between them. Those that are
// empty are left out.
func Join(between string, fragments ...Fragment) (whole Fragment) {
	for _, f := range fragments {
		switch {
		case whole.IsEmpty():
			whole = f
		case !f.IsEmpty():
			whole = whole.Then(between+f.text, f.args...)
		}
	}
	return whole
}

// Then puts SQL behind the fragment.
func (f Fragment) Then(text string, args ...any) Fragment {
	if f.text += text; len(f.args) == 0 {
		f.args = args
	} else if len(args) > 0 {
		f.args = append(slices.Clip(f.args), args...)
	}
	return f
}

// IsEmpty reports whether there is no text.
func (f Fragment) IsEmpty() bool { return f.text == "" }

// Template is a statement, or a part of one, with places, each written [name], that
// are filled anew each time it runs. @org is $1, and it has no other arguments of its
// own. It is safe for concurrent use.
type Template struct {
	texts []string // what is before each place, and behind the last
	names []string // of the places
	text  string   // with $? for each place
}

// Place is what a template has in place of its [name].
type Place struct {
	Name     string
	Fragment Fragment
}

// In puts a fragment into the place [name].
func In(name string, f Fragment) Place { return Place{name, f} }

// NewTemplate makes a template. The parts are those of New; what stays open are its
// places. It panics when a part has no place.
func NewTemplate(text string, parts ...Part) Template {
	var t Template
	for _, p := range slices.Backward(parts) {
		place := "[" + p.Name + "]"
		if !strings.Contains(text, place) {
			panic("db: no place for " + place + " in:" + text)
		}
		text = strings.ReplaceAll(text, place, p.SQL)
	}
	text = strings.ReplaceAll(text, "@"+Organisation, "$1")
	for open := placeOf(text); open != ""; open = placeOf(text) {
		before, after, _ := strings.Cut(text, open)
		t.texts, t.names = append(t.texts, before), append(t.names, strings.Trim(open, "[]"))
		text = after
	}
	t.texts = append(t.texts, text)
	t.text = strings.Join(t.texts, "$?")
	return t
}

// Fill gives the text and the arguments of the statement for an organisation. A
// place that is not given stays empty; of one that is given twice the first counts.
// It panics for a place that the template does not have.
func (t Template) Fill(org int64, places ...Place) (sql string, args []any) {
	t.check(places)
	size := 0
	for _, text := range t.texts {
		size += len(text)
	}
	for _, p := range places {
		size += len(p.Fragment.text) + roomForArguments
	}
	w := writer{args: append(make([]any, 0, 1+len(places)), org)}
	w.text.Grow(size)
	for i, name := range t.names {
		w.text.WriteString(t.texts[i])
		w.write(fragmentOf(places, name))
	}
	w.text.WriteString(t.texts[len(t.names)])
	return w.text.String(), w.args
}

// roomForArguments is how many bytes the fragments within one take, about.
const roomForArguments = 40

// With fills a template that is a part of a statement.
func (t Template) With(places ...Place) Fragment {
	t.check(places)
	f := Fragment{text: t.text, args: make([]any, len(t.names))}
	for i, name := range t.names {
		f.args[i] = fragmentOf(places, name)
	}
	return f
}

func fragmentOf(places []Place, name string) Fragment {
	if at := slices.IndexFunc(places, func(p Place) bool { return p.Name == name }); at >= 0 {
		return places[at].Fragment
	}
	return Fragment{}
}

func (t Template) check(places []Place) {
	for _, p := range places {
		if !slices.Contains(t.names, p.Name) {
			panic("db: no place for [" + p.Name + "] in:" + strings.Join(t.texts, "[]"))
		}
	}
}

// writer writes a statement and numbers its arguments.
type writer struct {
	text strings.Builder
	args []any
}

func (w *writer) write(f Fragment) {
	rest := f.text
	for _, arg := range f.args {
		before, after, found := strings.Cut(rest, "$?")
		if !found {
			panic("db: more arguments than $? in: " + f.text)
		}
		w.text.WriteString(before)
		if inner, ok := arg.(Fragment); ok {
			w.write(inner)
		} else {
			w.args = append(w.args, arg)
			w.text.WriteByte('$')
			w.text.WriteString(strconv.Itoa(len(w.args)))
		}
		rest = after
	}
	if strings.Contains(rest, "$?") {
		panic("db: fewer arguments than $? in: " + f.text)
	}
	w.text.WriteString(rest)
}
