package apidocs_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/purescim/purescim/internal/servertest"
)

// get asks without a token, and does not unpack the answer.
func get(t *testing.T, url string, headers ...string) (*servertest.Answer, []byte) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept-Encoding", "identity")
	answer := servertest.Send(t, r, headers...)
	return answer, answer.Body
}

func TestDescription_IsServed(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	written, err := os.ReadFile("../../api/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	response, asYAML := get(t, s.URL+"/openapi.yaml")
	if !bytes.Equal(asYAML, written) || response.Header.Get("Content-Type") != "application/yaml" {
		t.Errorf("openapi.yaml: %s, %d bytes of %d", response.Header.Get("Content-Type"), len(asYAML), len(written))
	}
	response, asJSON := get(t, s.URL+"/openapi.json")
	var want, got any
	if err := yaml.Unmarshal(written, &want); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(asJSON, &got); err != nil || response.Header.Get("Content-Type") != "application/json" {
		t.Fatalf("%s: %v", response.Header.Get("Content-Type"), err)
	}
	if diff := cmp.Diff(throughJSON(t, want), got); diff != "" {
		t.Errorf("openapi.json (-openapi.yaml):\n%s", diff)
	}
	if users, groups := bytes.Index(asJSON, []byte(`"/Users":`)), bytes.Index(asJSON, []byte(`"/Groups":`)); users < 0 || users > groups {
		t.Error("the paths have lost their order")
	}
	if again, _ := get(t, s.URL+"/openapi.json", "If-None-Match: "+response.Header.Get("ETag")); again.Status != http.StatusNotModified {
		t.Errorf("the same again: status %d", again.Status)
	}
}

func throughJSON(t *testing.T, value any) (same any) {
	t.Helper()
	text, err := json.Marshal(value)
	if err == nil {
		err = json.Unmarshal(text, &same)
	}
	if err != nil {
		t.Fatal(err)
	}
	return same
}

// TestPage_NeedsNobodyElse follows each reference of the page: all of them lead to this
// server, which lets a browser use nothing else.
func TestPage_NeedsNobodyElse(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	response, page := get(t, s.URL+"/docs")
	policy := response.Header.Get("Content-Security-Policy")
	if !strings.HasPrefix(policy, "default-src 'none'; script-src 'self'; style-src 'self';") || strings.Contains(policy, "unsafe") || strings.Contains(policy, "http") {
		t.Errorf("policy %q", policy)
	}
	if bytes.Contains(page, []byte("<style")) || bytes.Contains(page, []byte("<script>")) {
		t.Error("the page has a script or style of its own, which the policy forbids")
	}
	references := regexp.MustCompile(`(?:src|href)="([^"]*)"`).FindAllSubmatch(page, -1)
	if len(references) < 5 {
		t.Errorf("found %d references", len(references))
	}
	for _, reference := range references {
		response, content := get(t, s.URL+string(reference[1]))
		if response.Status != http.StatusOK || len(content) == 0 || response.Header.Get("Content-Type") == "" {
			t.Errorf("%s: status %d, %d bytes of %q", reference[1], response.Status, len(content), response.Header.Get("Content-Type"))
		}
	}
	if response, _ := get(t, s.URL+"/docs/swagger-ui.js"); response.Status != http.StatusNotFound {
		t.Errorf("what is no file of the page: status %d", response.Status)
	}
}

// TestPage_IsPackedForWhoUnpacks compares the two forms of the largest file.
func TestPage_IsPackedForWhoUnpacks(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	const bundle = "/docs/swagger-ui-bundle.js"
	plain, want := get(t, s.URL+bundle)
	for _, accepts := range []string{"gzip", "br, gzip;q=0.5", "GZIP; q=1"} {
		packed, body := get(t, s.URL+bundle, "Accept-Encoding: "+accepts)
		reader, err := gzip.NewReader(bytes.NewReader(body))
		if err != nil {
			t.Fatalf("%s: %v", accepts, err)
		}
		if got, err := io.ReadAll(reader); err != nil || !bytes.Equal(got, want) || packed.Header.Get("Content-Encoding") != "gzip" {
			t.Errorf("%s: %d bytes, want %d: %v", accepts, len(got), len(want), err)
		}
	}
	if refused, body := get(t, s.URL+bundle, "Accept-Encoding: gzip;q=0"); refused.Header.Get("Content-Encoding") != "" || !bytes.Equal(body, want) {
		t.Error("a client that refuses gzip gets it")
	}
	if plain.Header.Get("Vary") != "Accept-Encoding" {
		t.Errorf("Vary is %q", plain.Header.Get("Vary"))
	}
}
