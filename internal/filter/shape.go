package filter

import (
	parser "github.com/scim2/filter-parser/v2"

	"github.com/purescim/purescim/internal/lru"
	"github.com/purescim/purescim/internal/scim"
)

// parsed caches the trees of shapes, which are never changed: clients send few shapes, and
// the parser takes a hundred times as long as the rest of this package.
var parsed = lru.New[string, parser.Expression](512)

func treeOf(shape []byte) (parser.Expression, error) {
	if tree, ok := parsed.Get(string(shape)); ok {
		return tree, nil
	}
	tree, err := parser.ParseFilter(shape)
	if err != nil {
		// The scanner lets only sound shapes through.
		return nil, scim.InvalidFilter("the filter cannot be read").Because(err)
	}
	parsed.Put(string(shape), tree)
	return tree, nil
}
