package servertest_test

import (
	"encoding/json"
	"maps"
	"regexp"
	"strings"
	"testing"

	"github.com/purescim/purescim/internal/scim"
	"github.com/purescim/purescim/internal/servertest"
)

const enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"

// world is an organisation that has the users u1, u2, ... and the groups g1,
// g2, ... that a case of the standard speaks of.
type world struct {
	*servertest.Org
	strict bool
	url    string
	ids    map[string]string // "u1" to the id that the server gave
	names  map[string]string // id to displayName
}

func newWorld(t *testing.T, server *servertest.Server, strict bool) *world {
	w := &world{Org: server.NewOrg(t), strict: strict, url: server.URL, ids: map[string]string{}, names: map[string]string{}}
	if strict {
		w.Org = w.Strictly(t)
	}
	return w
}

// Do sends a body with its media type, which strict organisations ask for.
func (w *world) Do(t testing.TB, method, path string, body any) *servertest.Answer {
	t.Helper()
	return w.Org.Do(t, method, path, body, "Content-Type: "+scim.MediaType)
}

// newUser makes a user as the standard has it and returns the id.
func (w *world) newUser(t testing.TB, userName, displayName string) string {
	t.Helper()
	return w.Do(t, "POST", "/Users", map[string]any{
		"schemas": []string{scim.UserURN}, "userName": userName, "displayName": displayName,
	}).Want(t, 201).ID(t)
}

// label is an id as it stands in a case, also within a path.
var label = regexp.MustCompile(`(\\?")([ug][0-9])(\\?")`)

// translate puts the server's ids in place of the case's.
func (w *world) translate(text []byte) []byte {
	return label.ReplaceAllFunc(text, func(found []byte) []byte {
		parts := label.FindSubmatch(found)
		id, ok := w.ids[string(parts[2])]
		if !ok {
			return found
		}
		return []byte(string(parts[1]) + id + string(parts[3]))
	})
}

// populate makes everyone that the texts speak of, but for the one whose
// document is given in full.
func (w *world) populate(t *testing.T, except string, texts ...json.RawMessage) {
	t.Helper()
	for _, text := range texts {
		for _, found := range label.FindAllSubmatch(text, -1) {
			name := string(found[2])
			if name == except || w.ids[name] != "" {
				continue
			}
			if name[0] == 'g' {
				w.ids[name] = w.NewGroup(t, w.displayOf(name, texts))
			} else {
				w.ids[name] = w.newUser(t, name+"@example.org", w.displayOf(name, texts))
			}
			w.names[w.ids[name]] = w.displayOf(name, texts)
		}
	}
}

// displayOf is the display that the case gives a member or a group, else the name.
func (w *world) displayOf(name string, texts []json.RawMessage) string {
	for _, text := range texts {
		var document map[string]any
		if json.Unmarshal(text, &document) != nil {
			continue
		}
		for _, attribute := range []string{"members", "groups"} {
			for _, link := range elements(document[attribute]) {
				if display, ok := link["display"].(string); ok && link["value"] == name {
					return display
				}
			}
		}
	}
	return name
}

// stored is what the server must answer for a document that a case gives: with
// the server's ids and with what is the server's own by its documented rules
// (BEHAVIOUR 11, 26, 26a, 27, 29, 71, 76). before is the state before a change, or nil.
func (w *world) stored(t *testing.T, text json.RawMessage, before map[string]any) map[string]any {
	t.Helper()
	var document map[string]any
	if err := json.Unmarshal(w.translate(text), &document); err != nil {
		t.Fatal(err)
	}
	maps.DeleteFunc(document, func(_ string, value any) bool { return value == "" })
	w.link(document, "members", "/Users/", "User")
	w.link(document, "groups", "/Groups/", "direct")
	if userName, ok := document["userName"].(string); ok {
		setDefault(document, "active", true)
		if before != nil {
			setDefault(document, "displayName", before["displayName"])
		}
		setDefault(document, "displayName", displayName(document))
		if !w.strict {
			setDefault(document, "roles", servertest.Values("employee"))
			atHome(document)
			mirror(document, userName)
		}
	}
	if extension, ok := document[enterprise].(map[string]any); ok {
		if manager, ok := extension["manager"].(map[string]any); ok {
			manager["$ref"] = w.url + servertest.SCIM + "/Users/" + manager["value"].(string)
		}
	}
	return document
}

func (w *world) link(document map[string]any, attribute, endpoint, kind string) {
	for _, link := range elements(document[attribute]) {
		id := link["value"].(string)
		link["$ref"], link["type"], link["display"] = w.url+servertest.SCIM+endpoint+id, kind, w.names[id]
	}
}

// atHome gives the document the division of whoever has no other.
func atHome(document map[string]any) {
	if document[enterprise] == nil {
		schemas, _ := document["schemas"].([]any)
		document["schemas"], document[enterprise] = append(schemas, enterprise), map[string]any{}
	}
	if extension, ok := document[enterprise].(map[string]any); ok {
		setDefault(extension, "division", "Home")
	}
}

func displayName(document map[string]any) any {
	name, _ := document["name"].(map[string]any)
	formatted, _ := name["formatted"].(string)
	given, _ := name["givenName"].(string)
	family, _ := name["familyName"].(string)
	for _, candidate := range []string{formatted, strings.TrimSpace(given + " " + family)} {
		if candidate != "" {
			return candidate
		}
	}
	return document["userName"]
}

// mirror gives the document the e-mail that is the userName (BEHAVIOUR 29).
func mirror(document map[string]any, userName string) {
	emails, _ := document["emails"].([]any)
	for _, email := range elements(document["emails"]) {
		if email["value"] == userName {
			return
		}
	}
	if strings.Contains(userName, "@") {
		document["emails"] = append(emails, map[string]any{"value": userName, "type": "other", "primary": len(emails) == 0})
	}
}

func elements(value any) []map[string]any {
	list, _ := value.([]any)
	objects := make([]map[string]any, 0, len(list))
	for _, element := range list {
		if object, ok := element.(map[string]any); ok {
			objects = append(objects, object)
		}
	}
	return objects
}

func setDefault(document map[string]any, name string, value any) {
	if document[name] == nil {
		document[name] = value
	}
}
