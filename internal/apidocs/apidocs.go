// Package apidocs is the door for people who want to read and try the API: its description
// at /openapi.yaml and /openapi.json, and Swagger UI at /docs.
//
// What the description says is left to package api. Nothing here needs a token, since it
// reveals no more than the documentation, and pages load nothing from another host.
package apidocs

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/swaggest/swgui/v5/static"

	"github.com/purescim/purescim/api"
	"github.com/purescim/purescim/internal/httpapi"
	"github.com/purescim/purescim/internal/scim"
)

// Paths of what is served. Files of the page are below PagePath.
const (
	YAMLPath = "/openapi.yaml"
	JSONPath = "/openapi.json"
	PagePath = "/docs"
)

// policy lets the page use its own files, and images that stand in its style sheet.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// own are the files of the page that are ours.
//
//go:embed page
var own embed.FS

// A file is what is served under one name.
type file struct {
	mediaType string
	content   []byte
	packed    []byte // by gzip; nil where that saves nothing
	tag       string // its ETag
}

// files are those of the page, by name, and the description.
var files = sync.OnceValues(func() (map[string]*file, error) {
	all := map[string]*file{}
	for name, read := range sources {
		content, packed, err := read()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		sum := sha256.Sum256(content)
		all[name] = &file{mediaTypes[path.Ext(name)], content, packed, `"` + hex.EncodeToString(sum[:8]) + `"`}
	}
	return all, nil
})

var sources = map[string]func() (content, packed []byte, err error){
	YAMLPath:               func() ([]byte, []byte, error) { return api.YAML, nil, nil },
	JSONPath:               func() ([]byte, []byte, error) { content, err := api.JSON(); return content, nil, err },
	"index.html":           ours("index.html"),
	"page.js":              ours("page.js"),
	"page.css":             ours("page.css"),
	"swagger-ui-bundle.js": theirs("swagger-ui-bundle.js"),
	"swagger-ui.css":       theirs("swagger-ui.css"),
	"favicon-32x32.png": func() ([]byte, []byte, error) {
		content, err := static.FS.ReadFile("favicon-32x32.png")
		return content, nil, err
	},
}

var mediaTypes = map[string]string{
	".yaml": "application/yaml", ".json": "application/json", ".html": "text/html; charset=utf-8",
	".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".png": "image/png",
}

func ours(name string) func() ([]byte, []byte, error) {
	return func() ([]byte, []byte, error) {
		content, err := own.ReadFile("page/" + name)
		return content, nil, err
	}
}

// theirs are the files of Swagger UI, which come packed.
func theirs(name string) func() ([]byte, []byte, error) {
	return func() (content, packed []byte, err error) {
		if packed, err = static.FS.ReadFile(name + ".gz"); err != nil {
			return nil, nil, err
		}
		reader, err := gzip.NewReader(bytes.NewReader(packed))
		if err == nil {
			content, err = io.ReadAll(reader)
		}
		return content, packed, err
	}
}

// Mount serves the description and the page below r.
func Mount(r chi.Router, frame *httpapi.Frame) {
	handle := func(path string, name func(r *http.Request) string) {
		frame.Handle(r, path, httpapi.Route{Protocol: httpapi.Platform, Public: true, Methods: map[string]httpapi.Handler{
			http.MethodGet: func(w http.ResponseWriter, r *http.Request) error { return serve(w, r, name(r)) },
		}})
	}
	always := func(name string) func(*http.Request) string { return func(*http.Request) string { return name } }
	handle(YAMLPath, always(YAMLPath))
	handle(JSONPath, always(JSONPath))
	handle(PagePath, always("index.html"))
	handle(PagePath+"/{file}", func(r *http.Request) string { return chi.URLParam(r, "file") })
}

// serve answers with a file. Who has it already asks by its tag whether it is the same.
func serve(w http.ResponseWriter, r *http.Request, name string) error {
	all, err := files()
	if err != nil {
		return err
	}
	f := all[name]
	if f == nil {
		return scim.NotFound("%s has no file %q", PagePath, name)
	}
	h := w.Header()
	h.Set("Content-Type", f.mediaType)
	h.Set("Content-Security-Policy", policy)
	h.Set("Cache-Control", "no-cache")
	h.Set("ETag", f.tag)
	content := f.content
	if f.packed != nil {
		h.Set("Vary", "Accept-Encoding")
		if acceptsGzip(r) {
			h.Set("Content-Encoding", "gzip")
			content = f.packed
		}
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
	return nil
}

// acceptsGzip reports whether the client unpacks gzip, as all browsers do.
func acceptsGzip(r *http.Request) bool {
	for coding := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		name, weight, _ := strings.Cut(coding, ";")
		if strings.EqualFold(strings.TrimSpace(name), "gzip") {
			q, err := strconv.ParseFloat(strings.TrimPrefix(strings.TrimSpace(weight), "q="), 64)
			return err != nil || q > 0
		}
	}
	return false
}
