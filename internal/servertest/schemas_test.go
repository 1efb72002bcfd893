package servertest_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"testing"

	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/servertest"
)

// declared is an attribute as /Schemas declares it. The tests of this file know
// the server's attributes from there alone.
type declared struct {
	Name            string
	Type            string
	MultiValued     bool
	Required        bool
	Mutability      string
	Returned        string
	CanonicalValues []string
	SubAttributes   []declared
}

// TestSchemas_AreWhatTheServerDoes holds each declaration against what comes of
// values made from it.
func TestSchemas_AreWhatTheServerDoes(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t, func(s *org.Settings) { s.GroupLifecycle = true })
	people := []any{o.NewUser(t, "ada@example.org"), o.NewUser(t, "bob@example.org")}
	o.NewGroup(t, "Night Shift", people[0].(string))
	maker := maker{people: people}
	o.Do(t, "POST", "/api/v2/authorization/divisions", map[string]any{"name": "Sales"}).Want(t, 200)
	for _, path := range []string{"/api/v2/routing/skills", "/api/v2/routing/languages"} {
		for _, name := range maker.names() {
			o.Do(t, "POST", path, map[string]any{"name": name}).Want(t, 200)
		}
	}
	for _, resourceType := range o.Do(t, "GET", "/ResourceTypes", nil).List(t).Resources {
		s := subject{Org: o, maker: maker, endpoint: resourceType["endpoint"].(string), core: resourceType["schema"].(string)}
		urns := []string{s.core}
		for _, extension := range elements(resourceType["schemaExtensions"]) {
			urns = append(urns, extension["schema"].(string))
		}
		for _, urn := range urns {
			var schema struct{ Attributes []declared }
			if err := json.Unmarshal(o.Do(t, "GET", "/Schemas/"+urn, nil).Want(t, 200).Body, &schema); err != nil {
				t.Fatal(err)
			}
			for _, a := range schema.Attributes {
				s := s
				s.urn, s.declared = urn, a
				prove := s.prove
				if s.Do(t, "POST", s.endpoint, "{}").Status == 405 {
					prove = s.proveSeen
				}
				t.Run(resourceType["name"].(string)+"/"+a.Name, prove)
			}
		}
	}
}

// subject is an attribute of a resource type that is under test.
type subject struct {
	*servertest.Org
	maker
	declared
	endpoint  string
	core, urn string
}

func (s subject) prove(t *testing.T) {
	switch s.Mutability {
	case "readOnly":
		s.proveReadOnly(t)
	case "writeOnly":
		s.proveWriteOnly(t)
	case "readWrite":
		s.proveReadWrite(t)
		s.proveReturned(t)
		s.proveSubAttributes(t)
	default:
		t.Fatalf("mutability %q of a whole attribute", s.Mutability)
	}
	s.proveType(t)
}

// proveSeen looks at the resources of a type that is only read.
func (s subject) proveSeen(t *testing.T) {
	seen := s.Do(t, "GET", s.endpoint, nil).List(t).Resources
	if len(seen) == 0 || s.Mutability != "readOnly" {
		t.Errorf("%d resources, mutability %s", len(seen), s.Mutability)
	}
	for _, resource := range seen {
		if err := s.checkShape(s.declared, s.in(resource)); err != nil || s.in(resource) == nil {
			t.Errorf("%v: %v", resource, err)
		}
	}
}

// proveReadWrite writes a first value when the resource is made, a second with
// PUT, the first again with PATCH, and then removes it.
func (s subject) proveReadWrite(t *testing.T) {
	first, second := s.value(s.declared, 0), s.value(s.declared, 1)
	resource := s.create(t, first)
	path := s.endpoint + "/" + resource["id"].(string)
	s.expect(t, "created", resource, first, second)

	body := s.body(second)
	for _, required := range []string{"userName", "displayName"} {
		if body[required] == nil && resource[required] != nil {
			body[required] = resource[required]
		}
	}
	s.expect(t, "PUT", s.Do(t, "PUT", path, body).Want(t, 200).Object(t), second, first)
	change := map[string]any{"op": "replace", "path": s.path(), "value": first}
	s.expect(t, "PATCH", s.Do(t, "PATCH", path, servertest.Patch(change)).Want(t, 200).Object(t), first, second)
	s.expect(t, "GET", s.Do(t, "GET", path, nil).Want(t, 200).Object(t), first, second)

	remove := s.Do(t, "PATCH", path, servertest.Patch(map[string]any{"op": "remove", "path": s.path()}))
	if s.Required {
		remove.Refused(t, 400, "mutability")
		return
	}
	if s.MultiValued {
		both := append(first.([]any), second.([]any)...)
		s.expect(t, "two values", s.create(t, both), both, "")
	}
	kept := s.Name == "active" || s.Name == "division" // BEHAVIOUR 26a, 27
	if got := s.in(remove.Want(t, 200).Object(t)); includes(got, first) != kept {
		t.Errorf("after its removal it is %v", got)
	}
}

func (s subject) expect(t *testing.T, when string, resource map[string]any, want, not any) {
	t.Helper()
	got := s.in(resource)
	if !includes(got, want) || includes(got, not) {
		t.Errorf("%s: %v; want %v and not %v", when, got, want, not)
	}
	if err := s.checkShape(s.declared, got); err != nil {
		t.Errorf("%s: %v", when, err)
	}
}

// proveReturned asks for this attribute alone, for another, and for all but it.
func (s subject) proveReturned(t *testing.T) {
	value := s.value(s.declared, 0)
	path := s.endpoint + "/" + s.create(t, value)["id"].(string)
	always := s.Returned == "always"
	for query, want := range map[string]bool{
		"":                                true,
		"?attributes=" + s.path():         true,
		"?attributes=externalId":          always,
		"?excludedAttributes=" + s.path(): always,
		"?excludedAttributes=externalId":  true,
		"?attributes=meta&attributes=" + s.path(): true,
	} {
		if got := s.in(s.Do(t, "GET", path+query, nil).Want(t, 200).Object(t)); includes(got, value) != want {
			t.Errorf("returned is %s, but GET %s gives %v", s.Returned, query, got)
		}
	}
	for _, sub := range s.SubAttributes {
		got := s.in(s.Do(t, "GET", path+"?attributes="+s.path()+"."+sub.Name, nil).Want(t, 200).Object(t))
		for _, element := range append(elements(got), elements([]any{got})...) {
			for name := range element {
				if name != sub.Name {
					t.Errorf("attributes=%s.%s gives %v", s.path(), sub.Name, got)
				}
			}
		}
	}
}

// proveSubAttributes writes each sub-attribute by its own path, and each of its
// canonical values.
func (s subject) proveSubAttributes(t *testing.T) {
	for _, sub := range s.SubAttributes {
		if sub.Mutability == "readWrite" {
			for _, word := range sub.CanonicalValues {
				value := s.one(s.declared, 0)
				value.(map[string]any)[sub.Name] = word
				s.create(t, value)
			}
			continue
		}
		value := s.value(s.declared, 0)
		path := s.path() + "." + sub.Name
		if s.MultiValued {
			key := s.SubAttributes[0].Name
			path = fmt.Sprintf("%s[%s eq %q].%s", s.path(), key, elements(value)[0][key], sub.Name)
		}
		id := s.create(t, value)["id"].(string)
		change := servertest.Patch(map[string]any{"op": "replace", "path": path, "value": "Another"})
		s.Do(t, "PATCH", s.endpoint+"/"+id, change).Refused(t, 400, "mutability")
	}
}

// proveReadOnly sends values, which are ignored in a whole resource and refused
// by their own path.
func (s subject) proveReadOnly(t *testing.T) {
	value := s.value(s.declared, 0)
	resource := s.create(t, value)
	if got := s.in(resource); includes(got, value) {
		t.Errorf("it was written: %v", got)
	}
	path := s.endpoint + "/" + resource["id"].(string)
	for _, op := range []string{"add", "replace", "remove"} {
		s.Do(t, "PATCH", path, servertest.Patch(map[string]any{"op": op, "path": s.path(), "value": value})).Refused(t, 400, "mutability")
	}
	if s.Name == "groups" {
		s.NewGroup(t, "A group of "+resource["id"].(string), resource["id"].(string))
		got := s.in(s.Do(t, "GET", path, nil).Want(t, 200).Object(t))
		if err := s.checkShape(s.declared, got); err != nil || len(elements(got)) != 1 {
			t.Errorf("%v: %v", got, err)
		}
	}
}

func (s subject) proveWriteOnly(t *testing.T) {
	if s.Returned != "never" {
		t.Errorf("it is writeOnly, but returned is %s", s.Returned)
	}
	resource := s.create(t, s.value(s.declared, 0))
	path := s.endpoint + "/" + resource["id"].(string)
	change := servertest.Patch(map[string]any{"op": "replace", "path": s.path(), "value": s.value(s.declared, 1)})
	for _, answer := range []map[string]any{
		resource,
		s.Do(t, "PATCH", path, change).Want(t, 200).Object(t),
		s.Do(t, "GET", path+"?attributes="+s.path(), nil).Want(t, 200).Object(t),
	} {
		if got := s.in(answer); got != nil {
			t.Errorf("it is answered: %v", got)
		}
	}
}

// proveType sends values of other types.
func (s subject) proveType(t *testing.T) {
	if s.Mutability == "readOnly" {
		return // whatever is sent is ignored
	}
	wrong := map[string][]any{
		"string": {true, map[string]any{"a": 1}}, "reference": {7, false},
		"boolean": {"maybe", 1, map[string]any{"a": 1}}, "complex": {7, true},
	}[s.Type]
	if slices.Contains([]string{"emails", "phoneNumbers", "ims", "photos", "entitlements", "manager"}, s.Name) {
		wrong = wrong[1:] // a number is a text, and a text a value, or nobody's id (BEHAVIOUR 28a, 33a)
	}
	if len(wrong) == 0 {
		t.Fatalf("no value is of another type than %s", s.Type)
	}
	if !s.MultiValued {
		wrong = append(wrong, []any{s.value(s.declared, 0), s.value(s.declared, 1)})
	}
	id := s.create(t, s.value(s.declared, 0))["id"].(string)
	for _, value := range wrong {
		change := servertest.Patch(map[string]any{"op": "replace", "path": s.path(), "value": value})
		s.Do(t, "PATCH", s.endpoint+"/"+id, change).Refused(t, 400, "invalidValue")
	}
	for _, sub := range s.SubAttributes {
		if sub.Type == "complex" || sub.MultiValued || sub.Mutability == "readOnly" || s.path() == "members" && sub.Name == "$ref" {
			continue
		}
		value := s.one(s.declared, 0)
		value.(map[string]any)[sub.Name] = []any{map[string]any{"a": 1}}
		change := servertest.Patch(map[string]any{"op": "replace", "path": s.path(), "value": value})
		s.Do(t, "PATCH", s.endpoint+"/"+id, change).Refused(t, 400, "invalidValue")
	}
}

// create makes a resource with a value of the attribute.
func (s subject) create(t *testing.T, value any) map[string]any {
	t.Helper()
	body := s.body(value)
	if s.endpoint == "/Groups" {
		name := s.unique()
		if body["displayName"] == nil {
			body["displayName"] = name
		}
		return s.Do(t, "PUT", "/Groups/"+s.NewGroup(t, name), body).Want(t, 200).Object(t)
	}
	if body["userName"] == nil {
		body["userName"] = s.unique()
	} else {
		s.free(t, body["userName"])
	}
	return s.Do(t, "POST", "/Users", body).Want(t, 201).Object(t)
}

// body is a resource with nothing but the attribute.
func (s subject) body(value any) map[string]any {
	if s.urn == s.core {
		return map[string]any{s.Name: value}
	}
	return map[string]any{s.urn: map[string]any{s.Name: value}}
}

// in gives the attribute's value in a resource.
func (s subject) in(resource map[string]any) any {
	if s.urn != s.core {
		resource, _ = resource[s.urn].(map[string]any)
	}
	return resource[s.Name]
}

func (s subject) path() string {
	if s.urn == s.core {
		return s.Name
	}
	return s.urn + ":" + s.Name
}

// checkShape holds the types in a value against the declaration.
func (s subject) checkShape(a declared, value any) error {
	if list, ok := value.([]any); ok != a.MultiValued {
		return fmt.Errorf("multiValued is %v, but %s is %v", a.MultiValued, a.Name, value)
	} else if ok {
		a.MultiValued = false
		for _, element := range list {
			if err := s.checkShape(a, element); err != nil {
				return err
			}
		}
		return nil
	}
	if object, ok := value.(map[string]any); ok && a.Type == "complex" {
		for name, member := range object {
			i := slices.IndexFunc(a.SubAttributes, func(sub declared) bool { return sub.Name == name })
			if i < 0 {
				return fmt.Errorf("%s.%s is not declared", a.Name, name)
			}
			if err := s.checkShape(a.SubAttributes[i], member); err != nil {
				return err
			}
		}
		return nil
	}
	kinds := map[string]reflect.Kind{
		"string": reflect.String, "reference": reflect.String, "binary": reflect.String, "dateTime": reflect.String,
		"boolean": reflect.Bool, "decimal": reflect.Float64, "integer": reflect.Float64,
	}
	if kind := reflect.ValueOf(value).Kind(); kind != kinds[a.Type] {
		return fmt.Errorf("%s is %v; its type is %s", a.Name, value, a.Type)
	}
	return nil
}

// includes reports whether got is want, or has it among its members and elements.
func includes(got, want any) bool {
	switch want := want.(type) {
	case map[string]any:
		object, _ := got.(map[string]any)
		for name := range maps.Keys(want) {
			if !includes(object[name], want[name]) {
				return false
			}
		}
		return true
	case []any:
		list, _ := got.([]any)
		for _, element := range want {
			if !slices.ContainsFunc(list, func(x any) bool { return includes(x, element) }) {
				return false
			}
		}
		return true
	default:
		return got == want
	}
}
