package console

import (
	"net/http"
	"slices"
)

// question asks for confirmation before something is ended or destroyed.
type question struct {
	Heading string
	Text    []string // what it means
	Yes     string   // the words on the button
	Back    string   // where it leads not to do it
	Place   string
	Danger  bool
	// Typed is what has to be typed to do it, and Label what that is; empty is nothing.
	Typed, Label string
	Hours        []hours // for how long it may be done; none is for good
	difference           // what would change, as far as it can be shown
	Problem      string

	Action string
	Fields []hidden // of the form that is asked about
}

// hidden is a hidden field of a form.
type hidden struct{ Name, Value string }

// sure carries out a form that was confirmed. Otherwise it answers with the question as a
// page, whose form has the confirmation in it; the script shows the same page as a dialog. A
// question without a heading need not be asked.
func sure(ask func(v *visit) (question, error), do func(v *visit) error) func(v *visit) error {
	return func(v *visit) error {
		q, err := ask(v)
		if err != nil {
			return err
		}
		asked := v.field("sure") == "yes"
		status := http.StatusOK
		switch {
		case q.Heading == "", asked && v.field("typed") == q.Typed:
			return do(v)
		case asked:
			q.Problem, status = "What was typed is not "+q.Typed+". Nothing was done.", http.StatusBadRequest
		}
		q.Action = v.r.URL.RequestURI()
		for name, values := range v.r.PostForm {
			if slices.Contains([]string{"sure", "typed", "hours"}, name) {
				continue
			}
			for _, value := range values {
				q.Fields = append(q.Fields, hidden{name, value})
			}
		}
		return v.showStatus(status, "ask", q.Place, q.Heading, q)
	}
}
