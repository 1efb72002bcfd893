package console

import (
	"cmp"
	"errors"
	"net/url"
	"strings"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/provisioning"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// find leads from the box at the top to what it names: an id, people, groups, somebody who was
// deleted, or else a correlation id that some client has chosen.
func find(v *visit) error {
	text := v.query("q")
	if id, err := uuid.Parse(text); err == nil {
		return v.findID(id)
	}
	if group, ok := strings.CutPrefix(text, "group:"); ok {
		return v.to(v.home("/groups?q=") + url.QueryEscape(strings.TrimSpace(group)))
	}
	people := v.home("/people?q=") + url.QueryEscape(text)
	listed, err := v.listAll(schema.User, selectionsOf(text, "", false), 1, "")
	if told := (*scim.Error)(nil); errors.As(err, &told) || err == nil && (listed.Total > 0 || text == "") {
		return v.to(people) // which tells what is wrong
	}
	if err != nil {
		return err
	}
	groups, err := v.list(schema.Group, groupSelection(text), 1, "")
	if err == nil && groups.Total > 0 {
		return v.to(v.home("/groups?q=") + url.QueryEscape(text))
	}
	gone, err := v.deletedPerson(text)
	if err != nil {
		return err
	}
	if gone != "" {
		return v.to(gone)
	}
	requested, _, err := v.Provisioning.Page(v.r.Context(), v.org.ID, provisioning.Query{CorrelationID: text, Limit: 1})
	if err == nil && len(requested) > 0 {
		return v.to(v.logLink("%s", term{"id", text}))
	}
	return v.to(people)
}

// findID leads to what has an id: a person or a group, an entry of the log, what the log
// tells of what is gone, or else the request of the correlation id.
func (v *visit) findID(id uuid.UUID) error {
	if _, err := v.Directory.Get(v.r.Context(), v.org, schema.User, id.String(), schema.Projection{}); err == nil {
		return v.to(v.home("/people/", id.String()))
	} else if !isNotFound(err) {
		return err
	}
	if _, err := v.Directory.Group(v.r.Context(), v.org, id.String()); err == nil {
		return v.to(v.home("/groups/", id.String()))
	} else if !isNotFound(err) {
		return err
	}
	if _, err := v.Provisioning.Entry(v.r.Context(), v.org.ID, id); err == nil {
		return v.to(v.home("/activity/", id.String()))
	} else if !errors.Is(err, provisioning.ErrNotFound) {
		return err
	}
	told, _, err := v.Provisioning.Page(v.r.Context(), v.org.ID, provisioning.Query{TargetID: id, Limit: 1})
	if err != nil {
		return err
	}
	if len(told) == 0 {
		return v.to(v.logLink("id:%s", id))
	}
	page, err := v.presentLink(told[0].Target)
	if err != nil {
		return err
	}
	return v.to(cmp.Or(page, v.home("/activity/", told[0].ID.String())))
}
