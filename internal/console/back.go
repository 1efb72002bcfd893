package console

import (
	"net/http"
	"strings"
)

// backOf is the page that leads on from an error: that of the form, or the one above what was
// asked for. Empty is none.
func (c *console) backOf(r *http.Request) string {
	path := strings.TrimPrefix(r.URL.Path, Path)
	if r.Method != http.MethodPost {
		path = above(path)
	}
	for ; path != ""; path = above(path) {
		for _, rt := range c.routes() {
			if pattern, get := strings.CutPrefix(rt.call, http.MethodGet+" "); get && rt.may > anybody && fits(path, pattern) {
				return Path + path
			}
		}
	}
	return ""
}

// above is the path without its last segment.
func above(path string) string { return path[:max(strings.LastIndexByte(path, '/'), 0)] }

// fits reports whether a path is one of a pattern.
func fits(path, pattern string) bool {
	is, may := strings.Split(path, "/"), strings.Split(pattern, "/")
	if len(is) != len(may) {
		return false
	}
	for i := range may {
		if may[i] != is[i] && !strings.HasPrefix(may[i], "{") {
			return false
		}
	}
	return true
}
