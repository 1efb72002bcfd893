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
}

// DefaultSettings are those of a new organisation.
func DefaultSettings() Settings {
	return Settings{DefaultRegion: "US", RemovalLimit: 1000}
}
