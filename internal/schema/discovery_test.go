package schema_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
	"github.com/purescim/purescim/internal/scimtest"
)

const mount = "https://scim.example.org/api/v2/scim/v2"

// nested are the schemas with complex attributes in complex ones, which is one
// level deeper than a schema can tell: so they are in the RFC and in the draft of
// roles and entitlements.
var nested = map[string]bool{scim.SchemaURN: true, scim.ServiceProviderConfigURN: true}

// everyType is what discovery tells of.
var everyType = slices.Concat(schema.DefaultTypes, schema.Views)

func TestSchemas(t *testing.T) {
	t.Parallel()
	documents := everyType.SchemaDocuments(mount, fullService)
	var names []string
	for _, d := range documents {
		names = append(names, d.Name)
		golden(t, "schema-"+d.Name, d)
	}
	want := []string{"User", "Group", "Role", "GroupMember", "EnterpriseUser", "GenesysUser", "ServiceProviderConfig", "ResourceType", "Schema"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestResourceTypes(t *testing.T) {
	t.Parallel()
	golden(t, "resource-types", everyType.ResourceTypeDocuments(mount))
}

func TestServiceProviderConfig(t *testing.T) {
	t.Parallel()
	golden(t, "service-provider-config", fullService.Describe(mount))
	golden(t, "service-provider-config-plain", fullService.Plain().Describe(mount))
}

// fullService is the service with all that may be told of it.
var fullService = func() schema.Service {
	s := schema.DefaultService
	s.Pagination, s.Roles, s.EventURIs = true, true, []string{"urn:ietf:params:scim:event:prov:create:notice"}
	return s
}()

func TestServiceTellsWhatIsOnByItsLimits(t *testing.T) {
	t.Parallel()
	on := schema.Service{MaxBulkOperations: 100, MaxBulkPayload: 1 << 20, MaxResults: 10}.Describe(mount)
	if want := (schema.BulkFeature{Supported: true, MaxOperations: 100, MaxPayloadSize: 1 << 20}); on.Bulk != want {
		t.Errorf("bulk is %+v, want %+v", on.Bulk, want)
	}
	off := schema.Service{}.Describe(mount)
	if off.Bulk.Supported || off.Filter.Supported || off.Patch.Supported || off.AuthenticationSchemes == nil {
		t.Errorf("a service that offers nothing is described as %+v", off)
	}
}

// TestDiscoveryIsWhatItsSchemasSay: each member of each discovery document is
// declared, required ones are there, and none is null.
func TestDiscoveryIsWhatItsSchemasSay(t *testing.T) {
	t.Parallel()
	byID := make(map[string]*schema.Schema)
	for _, s := range everyType.Schemas() {
		byID[s.ID] = s
	}
	check := func(document any, id string) {
		object := remarshal(t, document)
		delete(object, "schemas")
		delete(object, "meta")
		checkMembers(t, id, object, byID[id].Attributes)
	}
	for _, d := range everyType.SchemaDocuments(mount, fullService) {
		if !nested[d.ID] {
			check(d, scim.SchemaURN)
		}
	}
	for _, d := range everyType.ResourceTypeDocuments(mount) {
		check(d, scim.ResourceTypeURN)
	}
	service := fullService
	service.DocumentationURI = "https://scim.example.org/docs"
	check(service.Describe(mount), scim.ServiceProviderConfigURN)
}

func remarshal(t *testing.T, value any) map[string]any {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	var object map[string]any
	if err := json.Unmarshal(text, &object); err != nil {
		t.Fatal(err)
	}
	return object
}

func checkMembers(t *testing.T, path string, object map[string]any, attributes []*schema.Attribute) {
	t.Helper()
	declared := make(map[string]bool)
	for _, a := range attributes {
		declared[a.Name] = true
		value, there := object[a.Name]
		if !there {
			if a.Required {
				t.Errorf("%s lacks %s, which is required", path, a.Name)
			}
			continue
		}
		values, isList := value.([]any)
		if isList != a.MultiValued {
			t.Errorf("%s.%s: a list: %t, multiValued: %t", path, a.Name, isList, a.MultiValued)
		}
		if !isList {
			values = []any{value}
		}
		for _, v := range values {
			sub, isObject := v.(map[string]any)
			if v == nil || isObject != (a.Kind == schema.Complex) {
				t.Errorf("%s.%s is %s, its type %s", path, a.Name, scim.KindOf(v), a.Kind)
			}
			if isObject {
				checkMembers(t, path+"."+a.Name, sub, a.Sub)
			}
		}
	}
	for name := range object {
		if !declared[name] {
			t.Errorf("%s.%s is not declared", path, name)
		}
	}
}

// deviations are the characteristics that differ from the standard's, each for
// a reason.
var deviations = map[string]string{
	"User.userName returned":                 "users always tell who they are (BEHAVIOUR 13)",
	"User.active returned":                   "users always tell whether they are active (BEHAVIOUR 13)",
	"User.phoneNumbers.type canonicalValues": "Genesys Cloud has more kinds of numbers",
	"User.groups.type canonicalValues":       "groups hold no groups: membership is direct",
	"Group.displayName uniqueness":           "group names are unique in the organisation (BEHAVIOUR 75)",
	"Group.members.value required":           "a member is nothing but its id",
	"Group.members.display mutability":       "made by the server from the user",
	"Group.members.$ref referenceTypes":      "groups hold no groups",
	"Group.members.type canonicalValues":     "groups hold no groups",
	"EnterpriseUser.manager.$ref mutability": "made by the server from the id",
}

func TestCharacteristicsAreTheStandards(t *testing.T) {
	t.Parallel()
	var standard map[string][]schema.AttributeDocument
	if err := json.Unmarshal(scimtest.Characteristics(t), &standard); err != nil {
		t.Fatal(err)
	}
	unused := make(map[string]bool)
	for what := range deviations {
		unused[what] = true
	}
	for _, s := range schema.DefaultTypes.Schemas() {
		compareAll(t, s.Name+".", standard[s.ID], s.Describe().Attributes, unused)
		delete(standard, s.ID)
	}
	for id := range standard {
		t.Errorf("schema %s is missing", id)
	}
	for what := range unused {
		t.Errorf("%s is the standard's: take it off the list of deviations", what)
	}
}

func compareAll(t *testing.T, prefix string, standard, ours []schema.AttributeDocument, unused map[string]bool) {
	t.Helper()
	byName := make(map[string]schema.AttributeDocument)
	for _, a := range ours {
		byName[a.Name] = a
	}
	for _, want := range standard {
		path := prefix + want.Name
		got, ok := byName[want.Name]
		if !ok {
			t.Errorf("%s is missing", path)
			continue
		}
		compareAll(t, path+".", want.SubAttributes, got.SubAttributes, unused)
		want.SubAttributes, got.SubAttributes = nil, nil
		want.Description = got.Description // ours to word
		wantMembers, gotMembers := remarshal(t, want), remarshal(t, got)
		for name := range gotMembers {
			if _, ok := wantMembers[name]; !ok {
				wantMembers[name] = nil
			}
		}
		for name, value := range wantMembers {
			if cmp.Equal(value, gotMembers[name]) {
				continue
			}
			what := path + " " + name
			if _, known := deviations[what]; !known {
				t.Errorf("%s is %v, the standard says %v", what, gotMembers[name], value)
			}
			delete(unused, what)
		}
	}
}
