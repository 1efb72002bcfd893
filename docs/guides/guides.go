// Package guides holds the guides by which administrators connect a product, as
// Markdown with holes.
//
// What the holes are and how they are filled is left to internal/guides.
package guides

import "embed"

// Files are the guides, a file each, and README.md, which lists them.
//
//go:embed *.md
var Files embed.FS
