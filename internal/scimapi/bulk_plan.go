package scimapi

import (
	"iter"
	"net/http"
	"slices"
	"strings"

	"github.com/purescim/purescim/internal/schema"
)

// step is the carrying out of an operation, or the second half of one that is
// part of a circle: its references, which its creation had to leave out.
type step struct {
	operation int
	link      bool
}

// steps puts the operations in an order in which each comes after those that
// create what it refers to, and else in that of the request. Of operations that
// refer to each other in a circle the first is created without its references,
// which it gets as soon as they stand for something.
func steps(operations []operation) []step {
	q := newQueue(operations)
	for {
		for len(q.ready) > 0 {
			i := q.ready[0]
			q.ready = q.ready[1:]
			if q.done[i] {
				q.steps = append(q.steps, step{i, true})
			} else {
				q.take(i)
			}
		}
		i := slices.Index(q.done, false)
		if i < 0 {
			return q.steps
		}
		i = q.circle(i)
		for _, need := range operations[i].needs {
			if !q.done[need] {
				operations[i].late = append(operations[i].late, need)
			}
		}
		q.take(i)
	}
}

// queue is what is left to be put in order.
type queue struct {
	after   [][]int // by operation, those that it comes after
	before  [][]int // by operation, those that come after it
	waiting []int   // by operation, how many of after are not done
	ready   []int   // those that wait for nothing, sorted
	done    []bool
	steps   []step
}

func newQueue(operations []operation) *queue {
	n := len(operations)
	q := &queue{after: make([][]int, n), before: make([][]int, n), waiting: make([]int, n), done: make([]bool, n)}
	latest := make(map[string]int) // by resource
	for i := range operations {
		op := &operations[i]
		q.after[i] = slices.Clone(op.needs)
		if key := op.resource(); key != "" {
			if earlier, ok := latest[key]; ok {
				q.after[i] = append(q.after[i], earlier)
			}
			latest[key] = i
		}
		for _, j := range q.after[i] {
			q.before[j] = append(q.before[j], i)
		}
		if q.waiting[i] = len(q.after[i]); q.waiting[i] == 0 {
			q.ready = append(q.ready, i)
		}
	}
	return q
}

// take puts an operation next.
func (q *queue) take(i int) {
	q.steps, q.done[i] = append(q.steps, step{i, false}), true
	for _, j := range q.before[i] {
		if q.waiting[j]--; q.waiting[j] == 0 {
			at, _ := slices.BinarySearch(q.ready, j)
			q.ready = slices.Insert(q.ready, at, j)
		}
	}
}

// circle finds, behind an operation that waits, those that wait for each other,
// and returns the first of them. All of them create: nothing else is waited for
// by what it waits for.
func (q *queue) circle(i int) int {
	seen := make(map[int]int)
	var way []int
	for {
		if from, ok := seen[i]; ok {
			return slices.Min(way[from:])
		}
		seen[i] = len(way)
		way = append(way, i)
		next := slices.IndexFunc(q.after[i], func(j int) bool { return !q.done[j] })
		i = q.after[i][next]
	}
}

// resource names the resource that an operation changes; it is empty for a new one.
func (op *operation) resource() string {
	if op.id == "" {
		return ""
	}
	return op.on.t.Endpoint + "/" + op.id
}

// stages splits steps into those that may run side by side. Each stage begins
// when all before it is done: what is deleted may have been referred to, and
// frees names. In sequence is one step a stage.
func stages(operations []operation, all []step, inSequence bool) [][]step {
	var split [][]step
	kind := ""
	for _, s := range all {
		next := operations[s.operation].kind()
		if inSequence || next != kind || next == alone {
			split = append(split, nil)
		}
		kind = next
		split[len(split)-1] = append(split[len(split)-1], s)
	}
	return split
}

// The kinds of steps: those of one kind may run side by side, but for those that
// are alone.
const (
	writing  = "writing"
	deleting = "deleting"
	alone    = "alone"
)

func (op *operation) kind() string {
	switch {
	case op.fault != nil:
		return writing
	case op.Method == http.MethodDelete && !op.Version.IsZero():
		return alone // the deletion of another may change this one's version
	case op.Method == http.MethodDelete:
		return deleting
	case op.Method == http.MethodPut, op.Method == http.MethodPatch && op.renames():
		return alone // it may free a name
	default:
		return writing
	}
}

// renames reports whether a PATCH may change a value that must be unique.
func (op *operation) renames() bool {
	for a := range uniqueTexts(op.on.t) {
		speaksOf := func(text string) bool { return strings.Contains(strings.ToLower(text), strings.ToLower(a.Name)) }
		for _, change := range op.patch {
			if speaksOf(change.Path) || change.Path == "" && keyIn(change.Value, speaksOf) {
				return true
			}
		}
	}
	return false
}

// keyIn reports whether a name in a value is as asked.
func keyIn(v any, asked func(name string) bool) bool {
	object, _ := v.(map[string]any)
	for name, member := range object {
		if asked(name) || keyIn(member, asked) {
			return true
		}
	}
	return false
}

// holds names what no two operations may be at, at once: the resource that one
// changes, and the values that must be unique and that it takes.
func (op *operation) holds() []string {
	var held []string
	if resource := op.resource(); resource != "" {
		held = append(held, resource)
	}
	if op.body != nil {
		for a, value := range op.uniqueValues(op.body) {
			held = append(held, op.on.t.Endpoint+" "+a.Name+" "+schema.Fold(value))
		}
	}
	return held
}

// uniqueValues are the values in a body that must be unique.
func (op *operation) uniqueValues(body map[string]any) iter.Seq2[*schema.Attribute, string] {
	return func(yield func(a *schema.Attribute, value string) bool) {
		for a := range uniqueTexts(op.on.t) {
			for name, value := range body {
				if text, ok := value.(string); ok && strings.EqualFold(name, a.Name) && !yield(a, text) {
					return
				}
			}
		}
	}
}

// uniqueTexts are the attributes of which no two resources have the same value.
func uniqueTexts(t *schema.Type) iter.Seq[*schema.Attribute] {
	return func(yield func(a *schema.Attribute) bool) {
		for a := range t.Attributes {
			unique := a.Uniqueness == schema.UniqueServer || a.Uniqueness == schema.UniqueGlobal
			if unique && a.Mutability != schema.ReadOnly && !yield(a) {
				return
			}
		}
	}
}
