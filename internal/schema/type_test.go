package schema_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

func TestResolve(t *testing.T) {
	t.Parallel()
	typ := extended(t)
	for path, want := range map[string]string{
		"userName":                               "userName",
		"USERNAME":                               "userName",
		"id":                                     "id",
		"meta.lastmodified":                      "meta.lastModified",
		"emails.value":                           "emails.value",
		"groups.$REF":                            "groups.$ref",
		scim.UserURN + ":name.givenName":         "name.givenName",
		scim.UserURN + ":externalId":             "externalId",
		strings.ToUpper(scim.UserURN) + ":title": "title",
		scim.EnterpriseUserURN + ":manager.value": scim.EnterpriseUserURN + ":manager.value",
		scim.EnterpriseUserURN:                    "schema " + scim.EnterpriseUserURN,
		strings.ToUpper(scim.GenesysUserURN):      "schema " + scim.GenesysUserURN,
		scim.UserURN:                              "schema " + scim.UserURN,
		"department":                              scim.EnterpriseUserURN + ":department",
		"Manager.Value":                           scim.EnterpriseUserURN + ":manager.value",
		"routingSkills":                           scim.GenesysUserURN + ":routingSkills",
		"badge":                                   testURN + ":badge",
		testURN + ":tags":                         testURN + ":tags",
		"":                                        "",
		"shoeSize":                                "",
		"name.shoeSize":                           "",
		"name.":                                   "",
		".name":                                   "",
		"userName.value":                          "",
		"name.givenName.x":                        "",
		"urn:":                                    "",
		"urn:x:y:title":                           "",
		scim.UserURN + ":":                        "",
		scim.UserURN + ".title":                   "title",
		scim.UserURN + ".name.givenName":          "name.givenName",
		scim.UserURN + "..title":                  "",
		scim.UserURN + ".department":              "",
		strings.ToUpper(testURN) + ".Tags":        testURN + ":tags",
		"urn:scim:schemas:extension:enterprise:1.0":                             "schema " + scim.EnterpriseUserURN,
		"URN:scim:schemas:extension:enterprise:1.0:Department":                  scim.EnterpriseUserURN + ":department",
		"urn:scim:schemas:extension:enterprise:2.0:User:manager.value":          scim.EnterpriseUserURN + ":manager.value",
		"urn:ietf:params:scim:schemas:extension:enterprise:2.0.department":      scim.EnterpriseUserURN + ":department",
		"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:costCenter": scim.EnterpriseUserURN + ":costCenter",
		"urn:scim:schemas:extension:enterprise:1.0:title":                       "",
		"urn:scim:schemas:core:1.0:title":                                       "",
		scim.UserURN + "x:title":                                                "",
		scim.UserURN + ":department":                                            "",
		scim.EnterpriseUserURN + ":title":                                       "",
		scim.EnterpriseUserURN + ":id":                                          "",
		scim.GroupURN + ":displayName":                                          "",
	} {
		ref, ok := typ.Resolve(path)
		got := ""
		switch {
		case ok && ref.Extension != nil:
			got = "schema " + ref.Extension.ID
		case ok:
			got = ref.Leaf().String()
		}
		if got != want {
			t.Errorf("Resolve(%q) = %q, want %q", path, got, want)
		}
	}
}

func TestOfTwoURNsTheLongerWins(t *testing.T) {
	t.Parallel()
	short, err := schema.ParseSchema([]byte(`{"id":"urn:example:x","attributes":[{"name":"a"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	long, err := schema.ParseSchema([]byte(`{"id":"urn:example:x:y","attributes":[{"name":"a"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	typ := schema.User.With(short, long)
	for range 20 { // the URNs are in a map
		if ref, ok := typ.Resolve("urn:example:x:y:a"); !ok || ref.Attr.Extension() != long.ID {
			t.Fatalf("Resolve = %v, %t", ref.Attr, ok)
		}
	}
	if typ.Attribute("a") != nil {
		t.Error("a short name stands for two attributes")
	}
	if len(schema.User.Extensions) != 2 || schema.User.Schema(short.ID) != nil {
		t.Error("With changed its receiver")
	}
}

func TestAShortNameOfTheCoreIsTheCores(t *testing.T) {
	t.Parallel()
	ext, err := schema.ParseSchema([]byte(`{"id":"urn:example:x","attributes":[{"name":"Title"},{"name":"ID"},{"name":"free"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	typ := schema.User.With(ext)
	for name, want := range map[string]string{"title": "title", "Title": "title", "ID": "id", "FREE": "urn:example:x:free"} {
		if got := typ.Attribute(name); got == nil || got.String() != want {
			t.Errorf("Attribute(%s) = %v, want %s", name, got, want)
		}
	}
}

func TestDeclaringANameTwicePanics(t *testing.T) {
	t.Parallel()
	for _, attributes := range [][]*schema.Attribute{
		{{Name: "a"}, {Name: "A"}},
		{{Name: "c", Kind: schema.Complex, Sub: []*schema.Attribute{{Name: "a"}, {Name: "A"}}}},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			schema.NewSchema(schema.Schema{ID: "urn:example:x", Attributes: attributes})
		}()
	}
}

func TestAttributesAreInTheOrderOfAnswers(t *testing.T) {
	t.Parallel()
	var names []string
	for a := range schema.Group.Attributes {
		names = append(names, a.Name)
	}
	if diff := cmp.Diff([]string{"schemas", "id", "externalId", "displayName", "members", "meta"}, names); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	names = nil
	for a := range schema.User.Attributes {
		if names = append(names, a.String()); a == schema.Name {
			break
		}
	}
	if want := []string{"schemas", "id", "externalId", "userName", "name"}; !slices.Equal(names, want) {
		t.Errorf("%v, want %v", names, want)
	}
}

func TestSetAndClear(t *testing.T) {
	t.Parallel()
	doc := scim.Document{}
	schema.DisplayName.Set(doc, "Ada")
	schema.Department.Set(doc, "R&D")
	schema.Division.Set(doc, "Home")
	schema.Roles.Set(doc, list{object{"value": "agent"}})
	want := scim.Document{
		"displayName": "Ada", "roles": list{object{"value": "agent"}},
		scim.EnterpriseUserURN: object{"department": "R&D", "division": "Home"},
	}
	if diff := cmp.Diff(want, doc); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if schema.Department.Text(doc) != "R&D" || len(schema.Roles.Values(doc)) != 1 || schema.EmployeeNumber.Get(doc) != nil {
		t.Error("Text, Values or Get does not give what was set")
	}
	schema.DisplayName.Set(doc, "")
	schema.Roles.Set(doc, list{object{"value": ""}})
	schema.Department.Clear(doc)
	schema.Division.Set(doc, nil)
	schema.EmployeeNumber.Clear(doc)
	if len(doc) != 0 {
		t.Errorf("%v is left", doc)
	}
}
