package console

import (
	"cmp"
	"errors"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/events"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// setStream makes the stream or changes it. Its status stays.
func setStream(v *visit) error {
	s, err := v.Events.Stream(v.r.Context(), v.org.ID)
	if err != nil && !errors.Is(err, events.ErrNotFound) {
		return err
	}
	s = events.Stream{
		Org: v.org.ID, Status: s.Status, Method: events.Method(v.field("method")), Audience: v.field("audience"), Form: events.Form(v.field("form")),
	}
	if s.Method != events.Poll { // who polls has neither
		s.Endpoint, s.Credential = v.field("endpoint"), v.field("authorization")
	}
	for _, kind := range v.r.PostForm["kinds"] {
		s.Kinds = append(s.Kinds, events.Kind(kind))
	}
	if s.Group, err = v.groupNamed(v.field("group")); err == nil {
		err = v.changeStream(s)
	}
	if detail, status, told := statusOf(err); told {
		return v.showStream(status, streamPage{Edited: s, EditedGroup: v.field("group"), Problem: detail + " Nothing was changed."})
	}
	if err != nil {
		return err
	}
	return v.to(v.home("/events?done=stream"))
}

func (v *visit) changeStream(s events.Stream) error {
	_, err := v.Events.SetStream(v.r.Context(), s)
	return noStream(err)
}

// groupNamed finds the group of a name or an id; none is all.
func (v *visit) groupNamed(text string) (uuid.UUID, error) {
	if text == "" {
		return uuid.Nil, nil
	}
	if uuid.Validate(text) == nil {
		g, err := v.Directory.Group(v.r.Context(), v.org, text)
		return g.ID, err
	}
	found, err := v.list(schema.Group, groupOfName(text), 1, "")
	if err == nil && len(found.Records) == 0 {
		err = scim.InvalidValue("there is no group named %q; the stream tells of all people and groups where none is given", text)
	}
	if err != nil {
		return uuid.Nil, err
	}
	return found.Records[0].ID, nil
}

// streamFields are the settings of a stream as the page calls them.
var streamFields = map[string]string{
	"method": "the way", "endpointUrl": "the URL", "authorizationHeader": "the Authorization header", "audience": "the audience",
	"form": "the form", "events": "what is told", "status": "the status",
}

// noStream tells what package events answers in the words of the page.
func noStream(err error) error {
	wrong, ok := errors.AsType[*events.InvalidError](err)
	switch {
	case ok:
		return scim.InvalidValue("%s %s", cmp.Or(streamFields[wrong.Field], wrong.Field), wrong.Problem).Because(err)
	case errors.Is(err, events.ErrNotFound):
		return scim.NotFound("the organisation has no stream of events any more: somebody else may have removed it").Because(err)
	default:
		return err
	}
}

// askStatus asks about what loses events.
func askStatus(v *visit) (question, error) {
	if v.field("status") != string(events.Disabled) {
		return question{}, nil
	}
	return question{
		Heading: "Switch the stream off?", Yes: "Switch it off", Danger: true, Back: v.home("/events"), Place: "settings",
		Text: []string{"Changes from now on are told to nobody, not even later. What waits already is still delivered. To keep events for later, pause the stream instead."},
	}, nil
}

// setStatus pauses the stream, has it go on, or switches it off.
func setStatus(v *visit) error {
	status := events.Status(v.field("status"))
	if _, known := streamStates[status]; !known {
		return scim.BadRequest("the form does not say what to do")
	}
	s, err := v.Events.Stream(v.r.Context(), v.org.ID)
	if err == nil {
		s.Status, s.Credential = status, "" // the one of before stays
		err = v.changeStream(s)
	}
	if err != nil {
		return noStream(err)
	}
	return v.to(v.home("/events?done=", string(s.Status)))
}

func askRemoveStream(v *visit) (question, error) {
	p, err := v.Events.Progress(v.r.Context(), v.org.ID)
	if err != nil {
		return question{}, noStream(err)
	}
	lost := "Nothing waits to be delivered."
	if n := p.Pending + p.Dead; n > 0 {
		lost = plural(n, "event") + " that " + map[bool]string{true: "was", false: "were"}[n == 1] + " not delivered " + are(n) + " lost."
	}
	return question{
		Heading: "Remove the stream?", Yes: "Remove it", Danger: true, Back: v.home("/events"), Place: "settings",
		Text: []string{"Nobody is told of changes any more. " + lost + " The secret of its pushes is forgotten."},
	}, nil
}

func removeStream(v *visit) error {
	if err := v.Events.RemoveStream(v.r.Context(), v.org.ID); err != nil {
		return noStream(err)
	}
	return v.to(v.home("/events?done=unstreamed"))
}

// requeue has events delivered that could not be: one, or all.
func requeue(v *visit) error {
	var ids []uuid.UUID // nil is all
	if v.field("all") != "yes" {
		id, err := uuid.Parse(v.field("id"))
		if err != nil {
			return scim.BadRequest("the form does not say what to deliver again")
		}
		ids = []uuid.UUID{id}
	}
	if _, err := v.Events.Requeue(v.r.Context(), v.org.ID, ids); err != nil {
		return err
	}
	return v.to(v.home("/events?done=requeued"))
}
