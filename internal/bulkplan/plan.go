// Package bulkplan puts the operations of a bulk request in an order in which each
// comes after what it refers to (RFC 7644 section 3.7), and tells which may run side
// by side. The order depends on the request alone, so every server makes the same.
//
// Reading a request, carrying it out and answering it are left to the door.
package bulkplan

import "slices"

// Step is the carrying out of an operation, or the second half of one that is
// part of a circle: its references, which its creation had to leave out.
type Step struct {
	Operation int // its place in the request, from 0
	Link      bool
}

// steps puts the operations in an order in which each comes after those that
// create what it refers to, and else in that of the request. Of operations that
// refer to each other in a circle the first is created without its references,
// which it gets as soon as they stand for something.
func steps(operations []*Operation) []Step {
	q := newQueue(operations)
	for {
		for len(q.ready) > 0 {
			i := q.ready[0]
			q.ready = q.ready[1:]
			if q.done[i] {
				q.steps = append(q.steps, Step{i, true})
			} else {
				q.take(i)
			}
		}
		i := slices.Index(q.done, false)
		if i < 0 {
			return q.steps
		}
		i = q.circle(i)
		for _, need := range operations[i].Needs {
			if !q.done[need] {
				operations[i].Late = append(operations[i].Late, need)
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
	steps   []Step
}

func newQueue(operations []*Operation) *queue {
	n := len(operations)
	q := &queue{after: make([][]int, n), before: make([][]int, n), waiting: make([]int, n), done: make([]bool, n)}
	latest := make(map[string]int) // by resource
	for i := range operations {
		op := operations[i]
		q.after[i] = slices.Clone(op.Needs)
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
	q.steps, q.done[i] = append(q.steps, Step{i, false}), true
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
