package oauth_test

import (
	"errors"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/oauth"
)

func TestAddIssuer(t *testing.T) {
	t.Parallel()
	p := newProvider(t, "ed")
	p.documents["https://empty.example/keys"] = []byte(`{"keys": []}`)
	p.documents["https://page.example/keys"] = []byte(`<html>`)
	p.documents["https://liar.example/.well-known/openid-configuration"] = []byte(`{"issuer": "https://bank.example", "jwks_uri": "https://bank.example/keys"}`)
	p.documents["https://plain.example/.well-known/openid-configuration"] = []byte(`{"issuer": "https://plain.example", "jwks_uri": "http://plain.example/keys"}`)
	p.documents["https://loud.example/.well-known/openid-configuration"] = []byte(`{"ISSUER": "https://loud.example", "jwks_uri": "` + providerURL + `keys"}`)
	p.documents["https://twice.example/.well-known/openid-configuration"] = []byte(`{"issuer": "x", "issuer": "https://twice.example", "jwks_uri": "` + providerURL + `keys"}`)
	s := oauth.New(newMemory(), oauth.Options{HTTPClient: p.client()})
	c, _ := newClient(t, s)

	for name, test := range map[string]struct {
		change func(*oauth.IssuerSpec)
		field  string // of the refusal
	}{
		"as it is":                     {func(*oauth.IssuerSpec) {}, ""},
		"the URL of the keys is known": {func(s *oauth.IssuerSpec) { s.KeysURL = providerURL + "keys" }, ""},
		"the issuer is not asked": {func(s *oauth.IssuerSpec) {
			s.Unasked, s.Issuer, s.KeysURL = true, "https://away.example", "https://away.example/keys"
		}, ""},
		"no tenant":                       {func(s *oauth.IssuerSpec) { s.Tenant = "" }, ""},
		"a claim that is a URL":           {func(s *oauth.IssuerSpec) { s.SubjectClaim = "https://acme.example/app-id" }, ""},
		"no issuer":                       {func(s *oauth.IssuerSpec) { s.Issuer = "" }, "issuer"},
		"issuer is a name":                {func(s *oauth.IssuerSpec) { s.Issuer = "entra" }, "issuer"},
		"issuer is not encrypted":         {func(s *oauth.IssuerSpec) { s.Issuer = "http://sts.example/acme/" }, "issuer"},
		"issuer has a query":              {func(s *oauth.IssuerSpec) { s.Issuer += "?a=b" }, "issuer"},
		"issuer has no discovery":         {func(s *oauth.IssuerSpec) { s.Issuer = "https://away.example" }, "issuer"},
		"discovery of another issuer":     {func(s *oauth.IssuerSpec) { s.Issuer = "https://liar.example" }, "issuer"},
		"discovery of plain keys":         {func(s *oauth.IssuerSpec) { s.Issuer = "https://plain.example" }, "issuer"},
		"discovery in capitals":           {func(s *oauth.IssuerSpec) { s.Issuer = "https://loud.example" }, "issuer"},
		"discovery with a key twice":      {func(s *oauth.IssuerSpec) { s.Issuer = "https://twice.example" }, "issuer"},
		"no audience":                     {func(s *oauth.IssuerSpec) { s.Audience = " " }, "audience"},
		"audience is long":                {func(s *oauth.IssuerSpec) { s.Audience = strings.Repeat("a", 501) }, "audience"},
		"no subject":                      {func(s *oauth.IssuerSpec) { s.Subject = "" }, "subject"},
		"tenant is long":                  {func(s *oauth.IssuerSpec) { s.Tenant = strings.Repeat("a", 501) }, "tenant"},
		"claim with a meaning of its own": {func(s *oauth.IssuerSpec) { s.SubjectClaim = "aud" }, "subject_claim"},
		"claim is no name":                {func(s *oauth.IssuerSpec) { s.SubjectClaim = "a b" }, "subject_claim"},
		"keys are not encrypted":          {func(s *oauth.IssuerSpec) { s.KeysURL = "http://sts.example/acme/keys" }, "jwks_url"},
		"no keys":                         {func(s *oauth.IssuerSpec) { s.KeysURL = "https://empty.example/keys" }, "jwks_url"},
		"keys are a page":                 {func(s *oauth.IssuerSpec) { s.KeysURL = "https://page.example/keys" }, "jwks_url"},
		"keys are nowhere":                {func(s *oauth.IssuerSpec) { s.KeysURL = "https://away.example/keys" }, "jwks_url"},
		"neither asked nor told":          {func(s *oauth.IssuerSpec) { s.Unasked = true }, "jwks_url"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			spec := pins(c.ID)
			test.change(&spec)
			added, err := s.AddIssuer(t.Context(), acme.ID, spec)
			var problem *oauth.InvalidError
			switch {
			case test.field != "" && (!errors.As(err, &problem) || problem.Field != test.field):
				t.Errorf("error %v, want one about %s", err, test.field)
			case test.field == "" && err != nil:
				t.Error(err)
			case test.field == "" && (added.ID == uuid.Nil || added.KeysURL == "" || added.Org != acme.ID || added.Subject != spec.Subject):
				t.Errorf("added %+v", added)
			}
		})
	}
	if _, err := s.AddIssuer(t.Context(), acme.ID, pins(uuid.New())); !errors.Is(err, oauth.ErrNotFound) {
		t.Errorf("a client that does not exist: %v", err)
	}
}

// Nobody gets tokens of a client of a person, and no organisation fills the memory of the
// servers.
func TestAddIssuer_IsBounded(t *testing.T) {
	t.Parallel()
	s := oauth.New(newMemory(), oauth.Options{HTTPClient: newProvider(t, "ed").client()})
	c, _ := newClient(t, s)
	person := uuid.New()
	if _, _, err := s.IssuePersonal(t.Context(), acme.ID, oauth.Person{ID: person, Name: "ada@example.org"}); err != nil {
		t.Fatal(err)
	}
	refused := func(spec oauth.IssuerSpec, field string) {
		t.Helper()
		_, err := s.AddIssuer(t.Context(), acme.ID, spec)
		if problem := (*oauth.InvalidError)(nil); !errors.As(err, &problem) || problem.Field != field {
			t.Errorf("error %v, want one about %s", err, field)
		}
	}
	if _, err := s.AddIssuer(t.Context(), acme.ID, pins(person)); !errors.Is(err, oauth.ErrNotFound) {
		t.Errorf("the client of a person: %v", err)
	}
	for n := range oauth.MaxIssuers {
		spec := pins(c.ID)
		spec.Subject = strconv.Itoa(n)
		if _, err := s.AddIssuer(t.Context(), acme.ID, spec); err != nil {
			t.Fatal(err)
		}
	}
	refused(pins(c.ID), "issuer")
}

func TestAddIssuer_CallerIsTheSubject(t *testing.T) {
	t.Parallel()
	s := oauth.New(newMemory(), oauth.Options{HTTPClient: newProvider(t, "ed").client()})
	c, _ := newClient(t, s)
	spec := pins(c.ID)
	spec.SubjectClaim = ""
	added, err := s.AddIssuer(t.Context(), acme.ID, spec)
	if err != nil || added.SubjectClaim != "sub" {
		t.Fatalf("%v, claim %q, want sub", err, added.SubjectClaim)
	}
	listed, err := s.Issuers(t.Context(), acme.ID)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]oauth.TrustedIssuer{added}, listed); diff != "" {
		t.Errorf("issuers (-want +got):\n%s", diff)
	}
	if err := s.RemoveIssuer(t.Context(), acme.ID+1, added.ID); !errors.Is(err, oauth.ErrNotFound) {
		t.Errorf("another organisation removes it: %v", err)
	}
}
