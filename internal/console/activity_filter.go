package console

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/oauth"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/provisioning"
	"github.com/purescim/purescim/internal/scim"
)

// A filter of the log is one line of words and of terms, such as user:ada result:refused
// since:2d. A value with blanks stands in quotation marks.

// filterTerm is the name of a term, what it selects, and values that it may have.
type filterTerm struct {
	Name, What string
	Values     []string
}

// filterTerms are all that there are.
var filterTerms = []filterTerm{
	{"user", "a person, by login, id or a part of the login", nil},
	{"group", "a group, by name or id", nil},
	{"by", "who did it: a connection, a person of the console, or cli:ACCOUNT", nil},
	{"result", "done, warning, refused or held", []string{"done", "warning", "refused", "held"}},
	{"op", "what was done: create, update, rename, activate, deactivate, delete, restore, member_add, member_remove and others", texts(provisioning.Operations)},
	{"type", "what it was done to: User, Group, Role, Client, Token and others", texts(provisioning.TargetTypes)},
	{"since", "from then on: 30m, 12h, 2d, or 2026-11-28", []string{"1h", "1d", "7d", "30d"}},
	{"until", "before then, written the same", nil},
	{"id", "a correlation id", nil},
}

func texts[T ~string](values []T) []string {
	texts := make([]string, len(values))
	for i, value := range values {
		texts[i] = string(value)
	}
	return texts
}

// completion is what a filter may say, as the box offers it.
type completion struct{ Text, What string }

// mostOffered is how many connections the box offers by name.
const mostOffered = 50

// completions are the terms, each with its values behind it.
func (v *visit) completions() (all []completion, err error) {
	clients, _, err := v.OAuth.Clients(v.r.Context(), v.org.ID, oauth.Page{Limit: mostOffered})
	for _, t := range filterTerms {
		all = append(all, completion{t.Name + ":", t.What})
		for _, value := range t.Values {
			all = append(all, completion{Text: t.Name + ":" + value})
		}
		for _, c := range clients {
			if t.Name == "by" {
				all = append(all, completion{Text: term{"by", c.Name}.String()})
			}
		}
	}
	return all, err
}

// term is one part of a filter. A word has no name.
type term struct{ Name, Value string }

// String writes the term as a filter has it.
func (t term) String() string {
	value := t.Value
	if strings.ContainsAny(value, " \t") {
		value = `"` + value + `"`
	}
	if t.Name == "" {
		return value
	}
	return t.Name + ":" + value
}

// readTerms cuts a line into its terms.
func readTerms(line string) (terms []term) {
	var word strings.Builder
	quoted := false
	end := func() {
		if text := word.String(); text != "" {
			name, value, named := strings.Cut(text, ":")
			if known := slices.ContainsFunc(filterTerms, func(t filterTerm) bool { return t.Name == strings.ToLower(name) }); named && known {
				terms = append(terms, term{strings.ToLower(name), value})
			} else {
				terms = append(terms, term{"", text})
			}
		}
		word.Reset()
	}
	for _, r := range line {
		switch {
		case r == '"':
			quoted = !quoted
		case (r == ' ' || r == '\t') && !quoted:
			end()
		default:
			word.WriteRune(r)
		}
	}
	end()
	return terms
}

// chip is a term of the filter that a click takes away.
type chip struct{ Text, Without string }

func chipsOf(path string, terms []term) []chip {
	chips := make([]chip, len(terms))
	for i, t := range terms {
		rest := slices.Delete(slices.Clone(terms), i, i+1)
		texts := make([]string, len(rest))
		for j, other := range rest {
			texts[j] = other.String()
		}
		chips[i] = chip{t.String(), path + "?q=" + url.QueryEscape(strings.Join(texts, " "))}
	}
	return chips
}

// maxLine bounds a filter, in bytes.
const maxLine = 1000

// readLog makes a query of a filter. What cannot be understood is a *scim.Error.
func (v *visit) readLog(line string) (q provisioning.Query, terms []term, err error) {
	if len(line) > maxLine {
		return q, nil, scim.InvalidValue("the filter is longer than %d bytes", maxLine)
	}
	terms = readTerms(line)
	for _, t := range terms {
		if err := v.readTerm(&q, t); err != nil {
			return q, terms, err
		}
	}
	return q, terms, nil
}

func (v *visit) readTerm(q *provisioning.Query, t term) (err error) {
	switch t.Name {
	case "":
		q.Words = append(q.Words, t.Value)
	case "user":
		q.Type = provisioning.User
		readTarget(q, t.Value, !strings.Contains(t.Value, "@"))
	case "group":
		q.Type = provisioning.Group
		readTarget(q, t.Value, false)
	case "by":
		err = v.readActor(q, t.Value)
	case "result":
		err = readResult(q, t.Value)
	case "op":
		op := provisioning.Operation(strings.ToLower(t.Value))
		if !slices.Contains(provisioning.Operations, op) {
			return scim.InvalidValue("op:%s is not known; one of %s is expected", t.Value, strings.Join(texts(provisioning.Operations), ", "))
		}
		q.Operations = append(q.Operations, op)
	case "type":
		i := slices.IndexFunc(provisioning.TargetTypes, func(known provisioning.TargetType) bool { return strings.EqualFold(string(known), t.Value) })
		if i < 0 {
			return scim.InvalidValue("type:%s is not known; one of %s is expected", t.Value, strings.Join(texts(provisioning.TargetTypes), ", "))
		}
		q.Type = provisioning.TargetTypes[i]
	case "since":
		q.From, err = readTime(t)
	case "until":
		q.To, err = readTime(t)
	case "id":
		q.CorrelationID = t.Value
	}
	return err
}

// readTarget takes an id, a whole name, or a part of one.
func readTarget(q *provisioning.Query, text string, part bool) {
	if id, err := uuid.Parse(text); err == nil {
		q.TargetID = id
		return
	}
	if part {
		q.Words = append(q.Words, text)
		return
	}
	q.Target = text
}

// readActor finds the connection that has the name; any other is looked for as it is.
func (v *visit) readActor(q *provisioning.Query, name string) error {
	client, err := clientNamed(v.r.Context(), v.OAuth, v.org.ID, name)
	if client != uuid.Nil {
		q.Client = client
		return err
	}
	q.Actor = name
	return err
}

// clientNamed finds a client by its name in any case; zero is none.
func clientNamed(ctx context.Context, o *oauth.Service, id org.ID, name string) (uuid.UUID, error) {
	clients, _, err := o.Clients(ctx, id, oauth.Page{Limit: oauth.MaxClients})
	for _, c := range clients {
		if strings.EqualFold(c.Name, name) {
			return c.ID, err
		}
	}
	return uuid.Nil, err
}

func readResult(q *provisioning.Query, text string) error {
	word := provisioning.Result(strings.ToLower(text))
	if word == "done" {
		word = provisioning.Success
	}
	if !slices.Contains(provisioning.Results, word) {
		return scim.InvalidValue("result:%s is not known; one of done, warning, refused and held is expected", text)
	}
	q.Results = append(q.Results, word)
	return nil
}

var spans = map[byte]time.Duration{'m': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour, 'w': 7 * 24 * time.Hour}

// readTime reads a span before now, or a day or time of UTC.
func readTime(t term) (time.Time, error) {
	const longest = 10_000
	if n := len(t.Value) - 1; n > 0 {
		if unit, ok := spans[t.Value[n]]; ok {
			if count, err := strconv.Atoi(t.Value[:n]); err == nil && count >= 0 && count <= longest {
				return time.Now().Add(-time.Duration(count) * unit), nil
			}
		}
	}
	for _, layout := range []string{time.DateOnly, "2006-01-02T15:04", time.RFC3339} {
		if at, err := time.Parse(layout, t.Value); err == nil {
			return at, nil
		}
	}
	return time.Time{}, scim.InvalidValue("%s:%s is no time; one such as 30m, 12h, 2d or 2026-11-28 is expected", t.Name, t.Value)
}

// logLink is the path of the log with a filter.
func (v *visit) logLink(format string, args ...any) string {
	return v.home("/activity?q=") + url.QueryEscape(fmt.Sprintf(format, args...))
}
