package logstore

import (
	"encoding/json"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/provisioning"
	"github.com/purescim/purescim/internal/scim"
)

// Detail is what of an entry is only shown.
type Detail struct {
	Address  string                `json:"address,omitempty"`
	System   provisioning.System   `json:"system,omitempty"`
	ScimType string                `json:"scimType,omitempty"`
	Changes  []provisioning.Change `json:"changes,omitempty"`
	Warnings []string              `json:"warnings,omitempty"`
	Before   json.RawMessage       `json:"before,omitempty"` // the whole document of what was deleted,
	After    json.RawMessage       `json:"after,omitempty"`  // or created
	Body     string                `json:"body,omitempty"`
	Micros   int64                 `json:"us,omitempty"` // that it took

	Erased     bool         `json:"erased,omitempty"`
	Undoes     uuid.UUID    `json:"undoes,omitzero"`
	RestoredTo time.Time    `json:"restoredTo,omitzero"`
	Last       scim.Version `json:"last,omitempty"`   // version of what was deleted
	Groups     []uuid.UUID  `json:"groups,omitempty"` // of a user who was deleted
}

// NewDetail gives what of an entry is only shown.
func NewDetail(e provisioning.Entry) Detail {
	d := Detail{
		Address: e.Address, System: e.System, Changes: e.Changes, Warnings: e.Warnings, Body: e.Body, Micros: e.Duration.Microseconds(),
		Undoes: e.Undoes, RestoredTo: e.RestoredTo,
	}
	if e.Error != nil {
		d.ScimType = e.Error.Type
	}
	return d
}

// detailOf renders what of an entry is only shown.
func detailOf(e provisioning.Entry) (string, error) {
	text, err := json.Marshal(NewDetail(e))
	return string(text), err
}

// Render renders the detail of a change, of which each write makes one: what all have
// without reflection, and documents as they were rendered to be stored.
func (d Detail) Render() []byte {
	const room = 256 // of a change of one attribute
	o := append(make(object, 0, room+len(d.Before)+len(d.After)), '{')
	o = o.text("address", d.Address).text("system", string(d.System)).text("scimType", d.ScimType)
	o = o.changes(d.Changes)
	if d.Micros != 0 {
		o = strconv.AppendInt(o.name("us"), d.Micros, 10)
	}
	if len(d.Warnings)+len(d.Groups) > 0 || d.Erased || d.Undoes != uuid.Nil || !d.RestoredTo.IsZero() || d.Last != 0 {
		o = o.others(d)
	}
	return append(o.text("body", d.Body).document("before", d.Before).document("after", d.After), '}')
}

// object is a JSON object that is being rendered. It leaves out what is empty.
type object []byte

// name begins a member.
func (o object) name(name string) object {
	if o[len(o)-1] != '{' {
		o = append(o, ',')
	}
	return append(append(append(o, '"'), name...), `":`...)
}

func (o object) text(name, text string) object {
	if text == "" {
		return o
	}
	o, _ = jsontext.AppendQuote(o.name(name), text) // fails on invalid UTF-8 only, which is replaced
	return o
}

func (o object) document(name string, doc []byte) object {
	if doc == nil {
		return o
	}
	return append(o.name(name), doc...)
}

func (o object) changes(changes []provisioning.Change) object {
	if len(changes) == 0 {
		return o
	}
	o = append(o.name("changes"), '[')
	for i, c := range changes {
		if i > 0 {
			o = append(o, ',')
		}
		o = append(append(o, '{').text("attribute", c.Attribute).value("before", c.Before).value("after", c.After), '}')
	}
	return append(o, ']')
}

// value adds a value of a document. Any of them can be written.
func (o object) value(name string, value any) object {
	switch value := value.(type) {
	case nil:
		return o
	case string:
		o, _ = jsontext.AppendQuote(o.name(name), value)
		return o
	case bool:
		return strconv.AppendBool(o.name(name), value)
	default:
		text, err := json.Marshal(value)
		if err != nil {
			return o
		}
		return append(o.name(name), text...)
	}
}

// others adds what few details have.
func (o object) others(d Detail) object {
	text, _ := json.Marshal(Detail{ // of these nothing can fail
		Warnings: d.Warnings, Erased: d.Erased, Undoes: d.Undoes, RestoredTo: d.RestoredTo, Last: d.Last, Groups: d.Groups,
	})
	if o[len(o)-1] != '{' {
		o = append(o, ',')
	}
	return append(o, text[1:len(text)-1]...)
}
