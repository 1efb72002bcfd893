package bulkplan

import "net/http"

// Stages puts the operations in order and splits their steps into those that may
// run side by side. Each stage begins when all before it is done: what is deleted
// may have been referred to, and frees names. In sequence is one step a stage.
func Stages(operations []*Operation, inSequence bool) [][]Step {
	var split [][]Step
	kind := ""
	for _, s := range steps(operations) {
		next := operations[s.Operation].kind()
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

func (op *Operation) kind() string {
	switch {
	case op.Fault != nil:
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
