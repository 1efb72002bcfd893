package filter

import (
	"sync"

	parser "github.com/scim2/filter-parser/v2"

	"github.com/purescim/purescim/internal/scim"
)

// parsed keeps the trees of the shapes that were seen: clients send few shapes,
// and the parser takes a hundred times as long as the rest of this package.
var parsed shapes

// shapes is a bounded cache of trees, which nobody changes. It has two
// generations: when the young one is full it becomes the old one, and what is
// used of the old one is kept.
type shapes struct {
	mu         sync.Mutex
	young, old map[string]parser.Expression
}

// generation is half the number of shapes kept.
const generation = 512

func (c *shapes) tree(shape []byte) (parser.Expression, error) {
	if tree := c.get(shape); tree != nil {
		return tree, nil
	}
	tree, err := parser.ParseFilter(shape)
	if err != nil {
		// The scanner lets only sound shapes through.
		return nil, scim.InvalidFilter("the filter cannot be read").Because(err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.put(string(shape), tree)
	return tree, nil
}

func (c *shapes) get(shape []byte) parser.Expression {
	c.mu.Lock()
	defer c.mu.Unlock()
	if tree := c.young[string(shape)]; tree != nil {
		return tree
	}
	tree := c.old[string(shape)]
	if tree != nil {
		c.put(string(shape), tree)
	}
	return tree
}

func (c *shapes) put(shape string, tree parser.Expression) {
	if c.young == nil || len(c.young) >= generation {
		c.old, c.young = c.young, make(map[string]parser.Expression, generation)
	}
	c.young[shape] = tree
}
