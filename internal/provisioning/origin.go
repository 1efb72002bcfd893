package provisioning

import (
	"context"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/org"
)

// Origin is where a change comes from. It is carried by the context of the request.
type Origin struct {
	Actor         Actor
	Address       string
	CorrelationID string
	// Token is the id of the access token.
	Token  uuid.UUID
	System System
	// Began is when the request began; zero without a request that waits for an answer.
	Began time.Time
	// SCIM is true for requests that came by SCIM, as those of identity systems do.
	SCIM bool
	// UserBrake and MemberBrake are the organisation's brakes, for requests that came by SCIM.
	UserBrake, MemberBrake org.Brake
	// Changed, Made and Sent are what Done and Sending have noted.
	Changed bool
	Made    []Made
	Sent    Sent
	// Undoes and RestoredTo tell of a change that takes others back; see Entry.
	Undoes     uuid.UUID
	RestoredTo time.Time
}

type originKey struct{}

// WithOrigin is the context of a request that comes from o.
func WithOrigin(ctx context.Context, o *Origin) context.Context {
	return context.WithValue(ctx, originKey{}, o)
}

// Done notes that the request of the context has changed something.
func Done(ctx context.Context, made []Made) {
	if o, ok := ctx.Value(originKey{}).(*Origin); ok {
		o.Changed, o.Made, o.Sent = true, append(o.Made, made...), Sent{}
	}
}

// Unbraked is ctx for undoing what the same request did, which no brake holds.
func Unbraked(ctx context.Context) context.Context {
	o := OriginOf(ctx)
	o.UserBrake, o.MemberBrake = org.Brake{}, org.Brake{}
	return WithOrigin(ctx, &o)
}

// OriginOf returns the origin of the context's request. Without a request the server itself is
// the actor.
func OriginOf(ctx context.Context) Origin {
	if o, ok := ctx.Value(originKey{}).(*Origin); ok {
		return *o
	}
	return Origin{Actor: Actor{Type: Server}}
}

// Entry begins the entry of what a request has made, or failed to make.
func (o Origin) Entry(id uuid.UUID) Entry {
	e := Entry{
		ID: id, Actor: o.Actor, Address: o.Address, CorrelationID: o.CorrelationID, System: o.System,
		Undoes: o.Undoes, RestoredTo: o.RestoredTo,
	}
	if !o.Began.IsZero() {
		e.Duration = time.Since(o.Began)
	}
	return e
}

// System is the product that an identity is provisioned by.
type System string

// The systems that are distinguished. The empty System is unknown.
const (
	Entra     System = "entra"
	Okta      System = "okta"
	Saviynt   System = "saviynt"
	OneLogin  System = "onelogin"
	Ping      System = "ping"
	Google    System = "google"
	SailPoint System = "sailpoint"
	Authentik System = "authentik"
	JumpCloud System = "jumpcloud"
)

// marks are the words by which a system is known in a User-Agent or in the name that an
// administrator gave to its client, in the order in which they are looked for.
var marks = []struct {
	word   string
	system System
}{
	{"okta", Okta},
	{"onelogin", OneLogin},
	{"saviynt", Saviynt},
	{"sailpoint", SailPoint},
	{"authentik", Authentik},
	{"jumpcloud", JumpCloud},
	{"pingfederate", Ping},
	{"pingone", Ping},
	{"ping identity", Ping},
	{"google", Google},
	{"entra", Entra},
	{"azure", Entra},
	{"microsoft", Entra},
}

// GuessSystem guesses which system makes the requests of a client, from their User-Agent or
// else from the client's name.
func GuessSystem(userAgent, client string) System {
	for _, text := range []string{userAgent, client} {
		text = strings.ToLower(text)
		for _, m := range marks {
			if strings.Contains(text, m.word) {
				return m.system
			}
		}
	}
	return ""
}

// Suppose notes which system makes the request of ctx, judging by its dialect. What the
// request itself says takes precedence.
func Suppose(ctx context.Context, s System) {
	if o, ok := ctx.Value(originKey{}).(*Origin); ok && o.System == "" {
		o.System = s
	}
}
