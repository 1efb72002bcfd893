package console

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/provisioning"
)

// entryPage is one entry of the log.
type entryPage struct {
	provisioning.Entry
	Changes        []changeRow
	Added, Removed memberNames
	Advice         []piece
	Guide          string // the page of a guide that tells more
	Body           string // of the request, indented
	Target         string // the page of what was changed
	SameRequest    string
	Undone         string // the entry that this one takes back
	Undoable       bool
}

// changeRow is what became of one attribute, as texts.
type changeRow struct{ Attribute, Before, After string }

// memberNames are members by name, as far as they fit on a page.
type memberNames struct {
	Names []memberName
	More  int
}

type memberName struct{ Name, Link string }

func showEntry(v *visit) error {
	e, err := v.findEntry()
	if err != nil {
		return err
	}
	p := entryPage{Entry: e, Body: indented(e.Body), SameRequest: v.logLink("id:%s", e.CorrelationID)}
	for _, c := range e.Changes {
		if e.Target.Type == provisioning.Schema {
			p.Changes = append(p.Changes, definitionChanges(c)...)
			continue
		}
		p.Changes = append(p.Changes, changeRow{c.Attribute, valueText(c.Before), valueText(c.After)})
	}
	if p.Target, err = v.presentLink(e.Target); err != nil {
		return err
	}
	if p.Undoable = isUndoable(e); e.Undoes != uuid.Nil {
		p.Undone = v.home("/activity/", e.Undoes.String())
	}
	p.Advice = v.advice(e)
	if advice, ok := e.Advice(); ok {
		p.Guide = v.guideLink(advice.Guide)
	}
	if p.Added, err = v.memberNames(e.Members.Added); err != nil {
		return err
	}
	if p.Removed, err = v.memberNames(e.Members.Removed); err != nil {
		return err
	}
	return v.show("entry", "activity", "What happened", p)
}

// isUndoable reports whether an entry can be taken back, as far as its kind tells.
func isUndoable(e provisioning.Entry) bool {
	switch e.Target.Type {
	case provisioning.User, provisioning.Group, provisioning.Role, provisioning.Division, provisioning.Skill, provisioning.Language:
		return e.Result == provisioning.Success || e.Result == provisioning.Warning
	default:
		return false
	}
}

// targetLink is the page of what was changed; empty where it has none.
func (v *visit) targetLink(t provisioning.Target) string {
	switch {
	case t.Type == provisioning.Stream:
		return v.home("/events")
	case t.Type == provisioning.Issuer:
		return v.home("/issuers")
	case t.Type == provisioning.Settings:
		return v.home("/settings")
	case t.Type == provisioning.Schema && t.Name != "":
		return v.schemaPath(t.Name)
	case t.ID == uuid.Nil:
		return ""
	case t.Type == provisioning.User:
		return v.home("/people/", t.ID.String())
	case t.Type == provisioning.Group:
		return v.home("/groups/", t.ID.String())
	case t.Type == provisioning.OAuth:
		return v.home("/connections/", t.ID.String())
	default:
		return ""
	}
}

// presentLink is targetLink of what is still there. People who were deleted have pages, too.
func (v *visit) presentLink(t provisioning.Target) (string, error) {
	var err error
	switch t.Type {
	case provisioning.Group:
		_, err = v.Directory.Group(v.r.Context(), v.org, t.ID.String())
	case provisioning.Schema:
		_, err = v.Directory.Schema(v.r.Context(), v.org, t.Name)
	case provisioning.OAuth:
		_, err = v.OAuth.Client(v.r.Context(), v.org.ID, t.ID)
		err = v.noClient(err)
	}
	if _, status, _ := statusOf(err); status == http.StatusNotFound {
		return "", nil
	}
	return v.targetLink(t), err
}

// guideLink is the page of a guide that the documentation has as a file.
func (v *visit) guideLink(file string) string {
	name, section, _ := strings.Cut(strings.TrimPrefix(file, "docs/guides/"), "#")
	slug := strings.TrimSuffix(name, ".md")
	if slug == "" || slug == "README" {
		return ""
	}
	if section != "" {
		section = "#" + section
	}
	return v.home("/guides/", slug) + section
}

// mostNames is how many members a page names.
const mostNames = 30

func (v *visit) memberNames(ids []uuid.UUID) (n memberNames, err error) {
	shown := slices.Clone(ids[:min(len(ids), mostNames)])
	n.More = len(ids) - len(shown)
	names, err := v.namesOf(shown)
	for _, id := range shown {
		n.Names = append(n.Names, memberName{cmp.Or(names[id], id.String()), v.home("/people/", id.String())})
	}
	return n, err
}

// namesOf are the names of people, in the order of whose ids it leaves them.
func (v *visit) namesOf(ids []uuid.UUID) (map[uuid.UUID]string, error) {
	slices.SortFunc(ids, func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) })
	names := map[uuid.UUID]string{}
	for links, err := range v.Directory.Members(v.r.Context(), v.org, ids) {
		if err != nil {
			return nil, err
		}
		for _, link := range links {
			names[link.ID] = link.Display
		}
	}
	return names, nil
}

// valueText is a value of a document as people read it; nothing is none.
func valueText(value any) string {
	switch value := value.(type) {
	case nil:
		return ""
	case string:
		return value
	case bool, float64, int64, int:
		return fmt.Sprint(value)
	case []any:
		texts := make([]string, len(value))
		for i, one := range value {
			texts[i] = valueText(one)
		}
		return strings.Join(texts, "\n")
	case map[string]any:
		return objectText(value)
	default:
		return jsonText(value)
	}
}

// objectText is a value of several parts: the value itself first, then what is said of it.
func objectText(object map[string]any) string {
	var first string
	var rest []string
	names := make([]string, 0, len(object))
	for name := range object {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		text := valueText(object[name])
		switch {
		case name == "value" || name == "name" && object["value"] == nil:
			first = text
		case name == "$ref" || text == "" || name == "display" && text == valueText(object["value"]):
		case name == "primary":
			if object[name] == true {
				rest = append(rest, "primary")
			}
		case name == "type":
			rest = append(rest, text)
		default:
			rest = append(rest, name+" "+text)
		}
	}
	if first == "" {
		return strings.Join(rest, ", ")
	}
	if len(rest) == 0 {
		return first
	}
	return first + " (" + strings.Join(rest, ", ") + ")"
}

func jsonText(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		return ""
	}
	return string(text)
}

// indented writes JSON over several lines; any other text stays.
func indented(text string) string {
	var b bytes.Buffer
	if json.Indent(&b, []byte(text), "", "  ") != nil {
		return text
	}
	return b.String()
}
