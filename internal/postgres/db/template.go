package db

import (
	"slices"
	"strconv"
	"strings"
)

// Fragment is a piece of SQL with the values of its own arguments, each written $?
// in it. So pieces can be put together in any order: Fill numbers them when all
// are in their places. The zero Fragment is empty.
type Fragment struct {
	SQL  string
	Args []any
}

// SQL makes a fragment.
func SQL(text string, args ...any) Fragment { return Fragment{text, args} }

// Number is a whole number written out: PostgreSQL plans better for a limit that it
// sees.
func Number(n int) Fragment { return Fragment{SQL: strconv.Itoa(n)} }

// Concat puts fragments one behind the other.
func Concat(fragments ...Fragment) Fragment {
	var whole Fragment
	for _, f := range fragments {
		whole.SQL += f.SQL
		whole.Args = append(whole.Args, f.Args...)
	}
	return whole
}

// Join puts fragments one behind the other with a text between them.
func Join(fragments []Fragment, between string) Fragment {
	var whole Fragment
	texts := make([]string, len(fragments))
	for i, f := range fragments {
		texts[i] = f.SQL
		whole.Args = append(whole.Args, f.Args...)
	}
	whole.SQL = strings.Join(texts, between)
	return whole
}

// Template is a statement with places, each written [name], that are filled anew
// each time it runs. @org is $1, and it has no other arguments of its own. It is
// safe for concurrent use.
type Template struct {
	texts []string // what is before each place, and behind the last
	names []string // of the places
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
	return t
}

// Fill gives the text and the arguments of the statement for an organisation. A
// place that is not given stays empty; of one that is given twice the first counts.
// It panics for a place that the template does not have.
func (t Template) Fill(org int64, places ...Place) (sql string, args []any) {
	t.check(places)
	size, n := 0, 1
	for _, p := range places {
		size, n = size+len(p.Fragment.SQL), n+len(p.Fragment.Args)
	}
	for _, text := range t.texts {
		size += len(text)
	}
	out := make([]byte, 0, size+2*n)
	args = append(make([]any, 0, n), org)
	for i, name := range t.names {
		out = append(out, t.texts[i]...)
		if at := slices.IndexFunc(places, func(p Place) bool { return p.Name == name }); at >= 0 {
			out, args = places[at].Fragment.appendTo(out, args)
		}
	}
	return string(append(out, t.texts[len(t.names)]...)), args
}

func (t Template) check(places []Place) {
	for _, p := range places {
		if !slices.Contains(t.names, p.Name) {
			panic("db: no place for [" + p.Name + "] in:" + strings.Join(t.texts, "[]"))
		}
	}
}

// appendTo writes the fragment with its arguments numbered behind those that are there.
func (f Fragment) appendTo(out []byte, args []any) ([]byte, []any) {
	text := f.SQL
	for _, arg := range f.Args {
		before, after, found := strings.Cut(text, "$?")
		if !found {
			panic("db: more arguments than $? in: " + f.SQL)
		}
		args = append(args, arg)
		out = append(append(out, before...), '$')
		out = strconv.AppendInt(out, int64(len(args)), 10)
		text = after
	}
	if strings.Contains(text, "$?") {
		panic("db: fewer arguments than $? in: " + f.SQL)
	}
	return append(out, text...), args
}
