// Package db holds the SQL of the stores: whole statements whose arguments have
// names and whose varying parts have places of their own; and how values go to
// PostgreSQL and come back.
//
// It numbers arguments, so that nobody else does. What a statement says, and when
// it runs, is left to the stores; errors of rows to package pgerr.
package db

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Statement is a whole statement, made when the program starts: its text and the
// names of its arguments. It is safe for concurrent use.
type Statement struct {
	text  string
	names []string // of the arguments, as they are numbered
}

// Organisation is the name of the first argument of each statement about what an
// organisation owns.
const Organisation = "org"

// Part is a text that a statement has in place of its [name].
type Part struct{ Name, SQL string }

// Empty leaves the place of a part empty.
func Empty(name string) Part { return Part{Name: name} }

// Arg is the value of the argument @name.
type Arg struct {
	Name  string
	Value any
}

// Named gives the argument @name a value.
func Named(name string, value any) Arg { return Arg{name, value} }

// Org gives the argument @org its value.
func Org[ID ~int64](o ID) Arg { return Arg{Organisation, int64(o)} }

var numbered = regexp.MustCompile(`\$[0-9]`)

// New makes a statement of a text in which an argument is written @name, and a
// part that several statements share as [name]. Parts may hold arguments and
// parts that come before them in the list. The same name is the same argument;
// @org is always $1, if it is there, as parts have it that fragments share.
//
// It panics when a part is missing or not used, or an argument is numbered: statements are
// made when the program starts.
func New(text string, parts ...Part) Statement { return newStatement(resolve(text, parts)) }

// NewSeveral makes a statement that does for several what the text says of one: each argument
// of a type, written @name::type, is an array of that type, of which the text has the element
// [n], and @name::type[] an array with a row for each, of which it has that row. A part of the
// text must call n the number of one of them, from 1 on; @name::type[][] is the whole array.
func NewSeveral(text string, parts ...Part) Statement {
	return newStatement(typed.ReplaceAllStringFunc(resolve(text, parts), elementOf))
}

var typed = regexp.MustCompile(`@[a-z_0-9]+::[a-z]+(\[\])*`)

// elementOf is an argument of one as one of several has it.
func elementOf(arg string) string {
	one, isWhole := strings.CutSuffix(arg, "[][]")
	row, isRow := strings.CutSuffix(one, "[]")
	switch {
	case isWhole:
		return one + "[]"
	case isRow:
		return "(" + row + "[])[n:n]"
	default:
		return "(" + arg + "[])[n]"
	}
}

func newStatement(text string) Statement {
	var s Statement
	if strings.Contains(text, "@"+Organisation) {
		s.names = append(s.names, Organisation)
		text = strings.ReplaceAll(text, "$1", "@"+Organisation)
	}
	if numbered.MatchString(text) {
		panic("db: arguments have names, and no numbers, in:" + text)
	}
	s.text = s.number(text)
	note(s)
	return s
}

// String gives the text as PostgreSQL gets it.
func (s Statement) String() string { return s.text }

// HasArgumentsOf reports whether two statements have the same arguments, in the same order.
func (s Statement) HasArgumentsOf(other Statement) bool { return slices.Equal(s.names, other.names) }

// Args are those of With, of a statement about what an organisation owns.
func (s Statement) Args(org int64, values ...Arg) []any {
	return s.fill(append(make([]any, 0, len(s.names)), org), values)
}

// fill puts the values of all arguments in the order of the text, behind those that are
// there.
func (s Statement) fill(args []any, values []Arg) []any {
	next := 0
	for _, name := range s.names[len(args):] {
		at := next
		if at == len(values) || values[at].Name != name {
			at = slices.IndexFunc(values, func(a Arg) bool { return a.Name == name })
		}
		if at < 0 {
			panic(fmt.Sprintf("db: the argument @%s is missing of:%s", name, s.text))
		}
		args, next = append(args, values[at].Value), at+1
	}
	return args
}

// number writes $n for each @name.
func (s *Statement) number(text string) string {
	var out strings.Builder
	for {
		before, after, found := cutName(text)
		out.WriteString(before)
		if !found {
			return out.String()
		}
		n := len(after) - len(strings.TrimLeft(after, nameLetters))
		name := after[:n]
		at := slices.Index(s.names, name)
		if at < 0 {
			at = len(s.names)
			s.names = append(s.names, name)
		}
		out.WriteString("$" + strconv.Itoa(at+1))
		text = after[n:]
	}
}

const nameLetters = "abcdefghijklmnopqrstuvwxyz_0123456789"

// cutName cuts a text at its first @name; operators such as @@ and @> are none.
func cutName(text string) (before, after string, found bool) {
	for i := 0; i+1 < len(text); i++ {
		if text[i] == '@' && 'a' <= text[i+1] && text[i+1] <= 'z' && (i == 0 || text[i-1] != '@') {
			return text[:i], text[i+1:], true
		}
	}
	return text, "", false
}

// resolve puts the parts into their places, from the last to the first.
func resolve(text string, parts []Part) string {
	for _, p := range slices.Backward(parts) {
		place := "[" + p.Name + "]"
		if !strings.Contains(text, place) {
			panic("db: no place for " + place + " in:" + text)
		}
		text = strings.ReplaceAll(text, place, p.SQL)
	}
	if open := placeOf(text); open != "" {
		panic("db: nothing for " + open + " in:" + text)
	}
	return text
}

// placeOf finds a [name] that is still open; an index such as [1] and a type such
// as text[] are none.
func placeOf(text string) string {
	for rest := text; ; {
		_, after, found := strings.Cut(rest, "[")
		if !found {
			return ""
		}
		name, _, closed := strings.Cut(after, "]")
		if closed && name != "" && 'a' <= name[0] && name[0] <= 'z' && strings.Trim(name, nameLetters) == "" {
			return "[" + name + "]"
		}
		rest = after
	}
}
