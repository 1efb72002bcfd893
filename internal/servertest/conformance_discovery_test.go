package servertest_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/servertest"
)

// What a list of discovery holds is what is read by itself, and what one document
// names another has (RFC 7644 section 4, RFC 7643 sections 6 and 7).
func TestDiscovery_AgreesWithItself(t *testing.T) {
	t.Parallel()
	server := servertest.New(t)
	o := server.NewOrg(t)
	schemas := discovered(t, server, o, "/Schemas", "Schema", "id")
	for urn := range schemas {
		if strings.Contains(urn, ":api:messages:") {
			t.Errorf("%s, a message, is among the schemas", urn)
		}
	}
	endpoints := map[any]bool{}
	for name, resourceType := range discovered(t, server, o, "/ResourceTypes", "ResourceType", "name") {
		if resourceType["id"] != name || endpoints[resourceType["endpoint"]] {
			t.Errorf("%s: id %v, endpoint %v", name, resourceType["id"], resourceType["endpoint"])
		}
		endpoints[resourceType["endpoint"]] = true
		if urn := resourceType["schema"].(string); schemas[urn] == nil {
			t.Errorf("%s: its schema %s is not published", name, urn)
		}
		for _, extension := range elements(resourceType["schemaExtensions"]) {
			if urn := extension["schema"].(string); schemas[urn] == nil {
				t.Errorf("%s: its extension %s is not published", name, urn)
			}
		}
		o.Do(t, "GET", resourceType["endpoint"].(string), nil).List(t)
	}
}

// discovered reads a list of discovery and each of its documents, and gives them
// by a name that only one of them has.
func discovered(t *testing.T, server *servertest.Server, o *servertest.Org, path, kind, name string) map[string]map[string]any {
	t.Helper()
	list := o.Do(t, "GET", path, nil).List(t)
	if len(list.Resources) != list.TotalResults || !cmp.Equal(list.Schemas, []string{"urn:ietf:params:scim:api:messages:2.0:ListResponse"}) {
		t.Errorf("%s: %v with %d of %d", path, list.Schemas, len(list.Resources), list.TotalResults)
	}
	paged := o.Do(t, "GET", path+"?startIndex=2&count=1&sortBy=id&sortOrder=descending", nil).List(t)
	if diff := cmp.Diff(list, paged); diff != "" {
		t.Errorf("%s is sorted or paged (-whole +paged):\n%s", path, diff)
	}
	found := map[string]map[string]any{}
	for _, document := range list.Resources {
		key := document[name].(string)
		if found[key] != nil {
			t.Errorf("%s has %s twice", path, key)
		}
		found[key] = document
		one := o.Do(t, "GET", path+"/"+key, nil).Want(t, 200).Object(t)
		if diff := cmp.Diff(document, one); diff != "" {
			t.Errorf("%s/%s (-in the list +by itself):\n%s", path, key, diff)
		}
		meta, _ := document["meta"].(map[string]any)
		if meta["resourceType"] != kind || meta["location"] != server.URL+servertest.SCIM+path+"/"+key {
			t.Errorf("%s/%s: meta is %v", path, key, meta)
		}
	}
	return found
}

// serviceProviderConfig is what a client reads of the service (RFC 7643 section 5).
type serviceProviderConfig struct {
	Schemas                           []string
	Patch, ChangePassword, Sort, ETag struct {
		Supported bool
	}
	Bulk struct {
		Supported                     bool
		MaxOperations, MaxPayloadSize int
	}
	Filter struct {
		Supported  bool
		MaxResults int
	}
	Meta           struct{ ResourceType, Location string }
	SecurityEvents struct {
		AsyncRequest string
		EventURIs    []string
	}
}

func configOf(t *testing.T, o *servertest.Org) (c serviceProviderConfig) {
	t.Helper()
	o.Do(t, "GET", "/ServiceProviderConfig", nil).Want(t, 200).Decode(t, &c)
	return c
}

// Each feature that is said to be there works, and each limit is the one that is held.
func TestServiceProviderConfig_TellsTheTruth(t *testing.T) {
	t.Parallel()
	server := servertest.New(t)
	o := server.NewOrg(t)
	c := configOf(t, o)
	if !cmp.Equal(c.Schemas, []string{"urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"}) ||
		c.Meta.ResourceType != "ServiceProviderConfig" || c.Meta.Location != server.URL+servertest.SCIM+"/ServiceProviderConfig" {
		t.Errorf("%+v", c)
	}
	if !c.Patch.Supported || !c.ChangePassword.Supported || !c.Sort.Supported || !c.ETag.Supported || !c.Bulk.Supported || !c.Filter.Supported {
		t.Errorf("a feature is said to be missing: %+v", c)
	}
	zoe, ada := o.NewUser(t, "zoe"), o.NewUser(t, "ada")
	if ids := o.Do(t, "GET", "/Users?sortBy=userName", nil).List(t).IDs(); !cmp.Equal(ids, []string{ada, zoe}) {
		t.Errorf("sorted: %v", ids)
	}
	if ids := o.Do(t, "GET", "/Users?filter="+url.QueryEscape(`userName eq "zoe"`), nil).List(t).IDs(); !cmp.Equal(ids, []string{zoe}) {
		t.Errorf("filtered: %v", ids)
	}
	secret := map[string]any{"op": "replace", "path": "password", "value": "Correct-Horse-9"}
	changed := o.Do(t, "PATCH", "/Users/"+ada, servertest.Patch(secret)).Want(t, 200)
	o.Do(t, "GET", "/Users/"+ada, nil, "If-None-Match: "+changed.Header.Get("ETag")).Want(t, 304)

	operations := make([]operation, c.Bulk.MaxOperations)
	for i := range operations {
		operations[i] = operation{Method: "DELETE", Path: "/Users/x"}
	}
	o.Do(t, "POST", "/Bulk", bulkBody(0, operations...)).Want(t, 200)
	o.Do(t, "POST", "/Bulk", bulkBody(0, slices.Concat(operations, operations[:1])...)).Refused(t, 413, "")
	o.Do(t, "POST", "/Bulk", padded(c.Bulk.MaxPayloadSize)).Want(t, 200)
	o.Do(t, "POST", "/Bulk", padded(c.Bulk.MaxPayloadSize+1)).Refused(t, 413, "")
}

// padded is a bulk request of so many bytes.
func padded(size int) string {
	const begin, end = `{"Operations":[],"x":"`, `"}`
	return begin + strings.Repeat("x", size-len(begin)-len(end)) + end
}

// A page is never larger than ServiceProviderConfig says (RFC 7644 section 3.4.2.4).
func TestList_CapsCount(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	most := configOf(t, o).Filter.MaxResults
	operations := make([]operation, most)
	for i := range operations {
		operations[i] = newUser(maker{}.unique())
	}
	bulkResults(t, o.Do(t, "POST", "/Bulk", bulkBody(0, operations...)))
	o.NewUser(t, "one more")
	for _, count := range []string{"1000000000", "1001"} {
		list := o.Do(t, "GET", "/Users?attributes=id&count="+count, nil).List(t)
		if len(list.Resources) != most || list.ItemsPerPage != most || list.TotalResults != most+1 {
			t.Errorf("count %s: %d resources, itemsPerPage %d of %d", count, len(list.Resources), list.ItemsPerPage, list.TotalResults)
		}
	}
}

// RFC 9967 section 4: what is said of events is what the organisation's stream has.
func TestServiceProviderConfig_TellsOfEvents(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	if events := configOf(t, o).SecurityEvents; events.EventURIs != nil {
		t.Errorf("without a stream securityEvents is %+v", events)
	}
	o.Do(t, http.MethodPut, "/api/v2/events/stream", map[string]any{"method": "poll", "audience": "https://receiver.example/"}).Want(t, 200)
	events := configOf(t, o).SecurityEvents
	if len(events.EventURIs) == 0 || events.AsyncRequest == "" {
		t.Fatalf("securityEvents is %+v", events)
	}
	for _, uri := range events.EventURIs {
		if !strings.HasPrefix(uri, "urn:ietf:params:scim:event:") || strings.HasSuffix(uri, ":full") {
			t.Errorf("%s is no event of this stream", uri)
		}
	}
}

// Clients that know RFC 7643 alone stop at what they do not know: it is told only to
// organisations that want it, and /Schemas says the same.
func TestServiceProviderConfig_IsPlainUnlessAsked(t *testing.T) {
	t.Parallel()
	server := servertest.New(t)
	all := server.NewOrg(t, func(s *org.Settings) { s.AnnounceRoles = true })
	all.Do(t, http.MethodPut, "/api/v2/events/stream", map[string]any{"method": "poll", "audience": "https://receiver.example/"}).Want(t, 200)
	few := server.NewOrg(t, func(s *org.Settings) { s.HidePagination = true })
	usual, nobody := server.NewOrg(t), server.NewOrg(t)
	nobody.Token = "none"
	for name, c := range map[string]struct {
		asks *servertest.Org
		want []string
	}{
		"all":    {all, []string{"RolesAndEntitlements", "pagination", "securityEvents"}},
		"usual":  {usual, []string{"pagination"}},
		"few":    {few, nil},
		"nobody": {nobody, nil},
	} {
		config := c.asks.Do(t, "GET", "/ServiceProviderConfig", nil).Want(t, 200).Object(t)
		declared := map[string]bool{"schemas": true, "meta": true}
		urn := "/Schemas/urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"
		for _, a := range elements(c.asks.Do(t, "GET", urn, nil).Want(t, 200).Object(t)["attributes"]) {
			declared[a["name"].(string)] = true
		}
		var more []string
		for _, name := range []string{"RolesAndEntitlements", "pagination", "securityEvents"} {
			if config[name] != nil {
				more = append(more, name)
			}
			if declared[name] != (config[name] != nil) {
				t.Errorf("%s: /Schemas declares %s: %v", name, name, declared[name])
			}
		}
		if diff := cmp.Diff(c.want, more); diff != "" {
			t.Errorf("%s is told beyond RFC 7643 (-want +got):\n%s", name, diff)
		}
		for member := range config {
			if !declared[member] {
				t.Errorf("%s: /Schemas does not declare %s", name, member)
			}
		}
	}
}

// The types of discovery's own resources are found by name, and not listed.
func TestResourceTypes_OfDiscovery(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	for _, name := range []string{"ServiceProviderConfig", "resourcetype", "Schema"} {
		found := o.Do(t, "GET", "/ResourceTypes/"+name, nil).Want(t, 200).Object(t)
		if !strings.EqualFold(found["name"].(string), name) {
			t.Errorf("%s is found as %v", name, found["name"])
		}
		o.Do(t, "GET", found["endpoint"].(string), nil).Want(t, 200)
		o.Do(t, "GET", "/Schemas/"+found["schema"].(string), nil).Want(t, 200)
	}
}
