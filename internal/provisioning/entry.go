// Package provisioning is the provisioning log of an organisation: who changed what, with
// the difference; what was refused and why; and what to do about a refusal.
//
// The entry of a change is stored by the statement that makes the change. Entries of refused
// requests follow within a second, and may be lost when a server dies. The type of an entry
// has no field for a password, a secret or a token.
//
// Storage is left to package postgres, the ways to ask for entries to the doors and the
// command line, and what may be changed to directory and oauth.
package provisioning

import (
	"time"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/scim"
)

// Entry is one line of the log: a change that was made, or a request that was refused.
type Entry struct {
	// ID tells when the entry was made: it is a UUID of version 7 (RFC 9562).
	ID            uuid.UUID
	Actor         Actor
	Address       string // IP address that the request came from; empty for the command line
	CorrelationID string
	System        System
	Operation     Operation
	Target        Target
	Result        Result
	// Status is that of the HTTP answer to a refused request; 0 for a change, which is stored
	// before it is answered.
	Status   int
	Error    *Error
	Changes  []Change
	Members  Members
	Warnings []string
	// Undoes is the entry that this one takes back, and RestoredTo the time whose state
	// it brings back; both are zero for others.
	Undoes     uuid.UUID
	RestoredTo time.Time
	// Created and Deleted are the whole documents of a user or group that was created or
	// deleted, as they were stored; nil for others.
	Created, Deleted scim.Document
	// Erased tells that only what was done to which id is left, since the person was erased.
	Erased bool
	// Last is the last version of what was deleted, and Groups are those that a deleted
	// user was a member of.
	Last   scim.Version
	Groups []uuid.UUID
	// Body is what a refused request sent, as JSON without its secrets, cut off at
	// MaxBody bytes.
	Body     string
	Duration time.Duration
}

// Time is when the entry was made.
func (e Entry) Time() time.Time { return TimeOf(e.ID) }

// TimeOf is the time in an id of an entry, in milliseconds.
func TimeOf(id uuid.UUID) time.Time {
	ms := int64(0)
	for _, b := range id[:6] {
		ms = ms<<8 | int64(b)
	}
	return time.UnixMilli(ms).UTC()
}

// FirstID is the least id that an entry of a time may have.
func FirstID(at time.Time) uuid.UUID {
	var id uuid.UUID
	ms := max(at.UnixMilli(), 0)
	for i := range 6 {
		id[i] = byte(ms >> (40 - 8*i))
	}
	return id
}

// Actor is who asked for a change.
type Actor struct {
	Type ActorType
	// ID is that of the client; zero for others.
	ID uuid.UUID
	// Name is that of the client, of the account that called the command line, or what a
	// person signs in with.
	Name string
}

// ActorType is what kind of actor asked.
type ActorType string

// The kinds of actors.
const (
	Client ActorType = "client" // an OAuth client, by SCIM or the platform API
	CLI    ActorType = "cli"    // the command line
	Person ActorType = "person" // somebody who uses the console
	Server ActorType = "server" // the server itself, in the background
)

// Target is what a change was made to.
type Target struct {
	Type TargetType
	// ID is zero where there is none: of a resource that was not created, and of settings.
	ID uuid.UUID
	// Name is the userName or display name, as it was before the change.
	Name string
}

// Operation is what was done, or asked for.
type Operation string

// The operations.
const (
	Create       Operation = "create"
	Update       Operation = "update"
	Rename       Operation = "rename"
	Activate     Operation = "activate"
	Deactivate   Operation = "deactivate"
	Delete       Operation = "delete"
	Restore      Operation = "restore"
	Erase        Operation = "erase"
	MemberAdd    Operation = "member_add"
	MemberRemove Operation = "member_remove"
	MemberChange Operation = "member_change" // some added, others removed
	Bulk         Operation = "bulk"          // a whole bulk request, which was refused
	Revoke       Operation = "revoke"
	Requeue      Operation = "requeue"
	Cancel       Operation = "cancel"
	Invite       Operation = "invite"  // to the console
	SignIn       Operation = "sign_in" // to the console
	Release      Operation = "release"
	Reject       Operation = "reject"
)

// Operations are all of them.
var Operations = []Operation{
	Create, Update, Rename, Activate, Deactivate, Delete, Restore, Erase, MemberAdd, MemberRemove, MemberChange, Bulk, Revoke, Requeue, Cancel,
	Invite, SignIn,
	Release, Reject,
}

// Result is what became of a request.
type Result string

// The results.
const (
	Success Result = "success"
	Refused Result = "refused" // nothing was changed
	Warning Result = "warning" // done, but something that was sent was left out or read otherwise
	Held    Result = "held"    // refused until somebody releases it
)

// Results are all of them.
var Results = []Result{Success, Refused, Warning, Held}

// Error is what a client was told.
type Error struct {
	// Type is the scimType; it may be empty.
	Type   string `json:"scimType,omitempty"`
	Detail string `json:"detail"`
}

// Change is what became of one attribute. Before and After are JSON values of a
// document; nil is unassigned. Of what is never returned, such as a password, both are.
type Change struct {
	Attribute string `json:"attribute"`
	Before    any    `json:"before,omitempty"`
	After     any    `json:"after,omitempty"`
}

// Members are the ids by which a group has changed.
type Members struct{ Added, Removed []uuid.UUID }

// IsZero reports whether no member was added or removed.
func (m Members) IsZero() bool { return len(m.Added)+len(m.Removed) == 0 }
