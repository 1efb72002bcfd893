package console

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"sync"

	"github.com/go-chi/chi/v5"
)

//go:embed static
var staticFiles embed.FS

// asset is a file that pages use.
type asset struct {
	mediaType string
	content   []byte
}

var mediaTypes = map[string]string{
	".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml",
}

// bundle are the files by the names under which they are served, which change with their
// content, and those names by the files'.
type bundle struct {
	files map[string]asset
	names map[string]string
}

var assets = sync.OnceValue(func() bundle {
	b := bundle{map[string]asset{}, map[string]string{}}
	entries, err := fs.ReadDir(staticFiles, "static")
	if err != nil {
		panic(err)
	}
	for _, entry := range entries {
		content, err := staticFiles.ReadFile("static/" + entry.Name())
		if err != nil {
			panic(err)
		}
		sum, ext := sha256.Sum256(content), path.Ext(entry.Name())
		name := strings.TrimSuffix(entry.Name(), ext) + "." + hex.EncodeToString(sum[:6]) + ext
		b.files[name] = asset{mediaTypes[ext], content}
		b.names[entry.Name()] = Path + "/static/" + name
	}
	return b
})

// serveAsset answers with a file, which browsers may keep for good.
func serveAsset(v *visit) error {
	file, ok := assets().files[chi.URLParam(v.r, "file")]
	if !ok {
		return notHere(v.r)
	}
	h := v.w.Header()
	h.Set("Content-Type", file.mediaType)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	v.w.WriteHeader(http.StatusOK)
	_, _ = v.w.Write(file.content) // a browser that has gone is nobody's error
	return nil
}
