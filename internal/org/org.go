// Package org holds the tenant: the organisation's identity and settings.
//
// How organisations are stored is the business of package postgres; who may
// act for one, of package oauth.
package org

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"strconv"
	"time"
)

// ID names one organisation. It is an explicit argument of everything that
// touches an organisation's data, so that forgetting it does not compile.
type ID int64

// NewID makes an ID: milliseconds since 1970 above 20 random bits, so that no
// sequence shared by all organisations is needed and IDs sort by age.
func NewID() ID {
	var b [4]byte
	_, _ = rand.Read(b[:]) // never fails, as crypto/rand documents
	return ID(time.Now().UnixMilli()<<20 | int64(binary.BigEndian.Uint32(b[:])&(1<<20-1)))
}

// ParseID reads the spelling that String writes.
func ParseID(s string) (ID, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n <= 0 || ID(n).String() != s {
		return 0, fmt.Errorf("%q is not the id of an organisation: a positive number is expected", s)
	}
	return ID(n), nil
}

// String is the decimal spelling.
func (id ID) String() string { return strconv.FormatInt(int64(id), 10) }

// Org is one organisation with its settings.
type Org struct {
	ID       ID
	Name     string
	Settings Settings
	// SchemaVersion is how often the organisation's own schemas have changed; 0 is
	// that it never had any.
	SchemaVersion int64
	// HomeDomain is the provisioning domain whose values of externalId are those of the
	// documents themselves; empty while there is no other domain.
	HomeDomain string
	// Domain is that of who asks, if it is another than the home.
	Domain string
}

// SeenFrom is the organisation for who asks from a provisioning domain.
func (o Org) SeenFrom(domain string) Org {
	if o.Domain = ""; o.HomeDomain != "" && domain != o.HomeDomain {
		o.Domain = domain
	}
	return o
}

// Settings are what an organisation may choose for itself.
type Settings struct {
	// DefaultRegion reads national phone numbers (ISO 3166-1 alpha-2).
	DefaultRegion string
	// RemovalLimit is how many members one request may remove from a group.
	RemovalLimit int
	// Strict refuses what is otherwise tolerated, such as unknown attributes.
	Strict bool
	// RateLimit is how many requests a minute each client may make that has no limit
	// of its own; 0 is the server's limit.
	RateLimit int
	// GroupLifecycle lets SCIM clients make and delete groups, which Genesys Cloud
	// does not.
	GroupLifecycle bool
	// AnnounceRoles has ServiceProviderConfig say that /Roles lists the roles that users
	// may have (draft-ietf-scim-roles-entitlements), and HidePagination has it leave out
	// how lists are paged (RFC 9865): clients that know RFC 7643 alone may stop at both.
	AnnounceRoles, HidePagination bool
	// ChangeLogDays and RefusalLogDays are how many days the provisioning log keeps
	// changes and refused requests.
	ChangeLogDays, RefusalLogDays int
	// DeletedUserDays is how many days users who were deleted may come back.
	DeletedUserDays int
	// Tolerate names the attributes of users whose wrong values are left out instead of
	// refusing the user, unless the organisation is strict.
	Tolerate []string
	// UserBrake is how many of the active users a client may deactivate or delete within
	// an hour, and MemberBrake how many of its members it may remove from a group.
	UserBrake, MemberBrake Brake
	// LoopLimit is how many times a day a client may ask for the same in vain, or change
	// an attribute to and fro, before the status tells of it; 0 tells of nothing.
	LoopLimit int
}

// MaxLoopLimit is the highest LoopLimit.
const MaxLoopLimit = 100_000

// Brake bounds what a client may remove within an hour.
type Brake struct {
	Percent int // of all; 0 is no bound
	Least   int // that it may remove whatever percentage that is
}

// IsOff reports whether there is no bound.
func (b Brake) IsOff() bool { return b.Percent == 0 }

// DefaultSettings are those of a new organisation.
func DefaultSettings() Settings {
	return Settings{
		DefaultRegion: "US", RemovalLimit: 1000, ChangeLogDays: 400, RefusalLogDays: 30, DeletedUserDays: 400, Tolerate: []string{"manager"},
		UserBrake: Brake{Percent: 25, Least: 50}, MemberBrake: Brake{Percent: 50, Least: 100},
		LoopLimit: 24,
	}
}
