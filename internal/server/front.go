package server

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"html/template"
	"net/http"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/purescim/purescim/internal/httpapi"
	"github.com/purescim/purescim/internal/oauth"
)

// front is the answer at the root of a server: where its endpoints are.
type front struct {
	Name             string `json:"name"`
	Description      string `json:"description"`
	TenantURL        string `json:"tenant_url"`
	TokenURL         string `json:"token_url"`
	MetadataURL      string `json:"metadata_url"`
	ConfigurationURL string `json:"service_provider_config_url"`
	DescriptionURL   string `json:"description_url"`
	DocumentationURL string `json:"documentation_url"`
}

func newFront(base string) front {
	tenant := base + "/api/v2/scim/v2"
	return front{
		Name: "purescim", Description: "A SCIM 2.0 server, compatible with Genesys Cloud.",
		TenantURL: tenant, TokenURL: base + oauth.TokenPath, MetadataURL: base + oauth.MetadataPath,
		ConfigurationURL: tenant + "/ServiceProviderConfig", DescriptionURL: base + "/docs", DocumentationURL: "https://github.com/purescim/purescim",
	}
}

//go:embed front.html
var frontText string

//go:embed front.css
var frontStyle string

var (
	frontPage = template.Must(template.New("front").Parse(frontText))
	// frontPolicy lets the page have its own style, and nothing else at all.
	frontPolicy = "default-src 'none'; style-src 'sha256-" + sumOf(frontStyle) + "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

func sumOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// mountFront serves the root: a page for browsers, which ask for HTML, and JSON for others.
func mountFront(r chi.Router, frame *httpapi.Frame) {
	frame.Handle(r, "/", httpapi.Route{
		Protocol: httpapi.Platform,
		Public:   true,
		Methods: map[string]httpapi.Handler{http.MethodGet: func(w http.ResponseWriter, r *http.Request) error {
			f := newFront(frame.BaseURL(r))
			w.Header().Set("Vary", "Accept")
			if !strings.Contains(r.Header.Get("Accept"), "text/html") {
				text, err := json.MarshalIndent(f, "", "  ")
				if err == nil {
					httpapi.WriteJSON(w, http.StatusOK, "application/json", append(text, '\n'))
				}
				return err
			}
			return f.writePage(w)
		}},
	})
}

func (f front) writePage(w http.ResponseWriter) error {
	var page bytes.Buffer
	if err := frontPage.Execute(&page, struct {
		front
		Style template.CSS
	}{f, template.CSS(frontStyle)}); err != nil { //nolint:gosec // it is a file of the program
		return err
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", frontPolicy)
	w.WriteHeader(http.StatusOK)
	_, err := w.Write(page.Bytes())
	return err
}
