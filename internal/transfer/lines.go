package transfer

import (
	"context"
	"errors"
	"io"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/schema"
)

// jsonLines is a file with a resource of SCIM on each line.
type jsonLines struct {
	e  *Export
	w  io.Writer
	by *schema.Renderer
}

func (e *Export) jsonLines(w io.Writer, t *schema.Type) *jsonLines {
	by := t.Renderer("", t.Project(nil, nil))
	if e.Org.HomeDomain != "" {
		by.SeenFrom(e.Org.Domain, false)
	}
	return &jsonLines{e, w, by}
}

// add writes a resource in parts, for a group may have more members than can be held.
func (j *jsonLines) add(ctx context.Context, r directory.Record) error {
	parts := j.by.Parts(schema.Answer{ID: r.ID, Version: r.Version, Created: r.Created, Modified: r.Modified, Doc: r.Doc, Links: r.Links})
	if _, err := j.w.Write(parts.AppendBegin(nil)); err != nil {
		return err
	}
	err := j.e.members(ctx, r, func(members []directory.Link) error {
		_, err := j.w.Write(parts.AppendLinks(nil, members))
		return err
	})
	if err != nil {
		return err
	}
	_, err = j.w.Write(append(parts.AppendEnd(nil), '\n'))
	return err
}

func (*jsonLines) end() error { return nil }

// ignoreMissing is nil for what was deleted while it was exported.
func ignoreMissing(err error) error {
	if errors.Is(err, directory.ErrNotFound) {
		return nil
	}
	return err
}
