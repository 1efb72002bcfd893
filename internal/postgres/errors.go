package postgres

import (
	"context"
	"errors"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/oauth"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// Errors of PostgreSQL are told apart by SQLSTATE and the beginning of the
// constraint's name: a sharded database adds a number to its end.
const (
	uniqueViolation      = "23505"
	foreignKeyViolation  = "23503"
	serializationFailure = "40001"
	deadlockDetected     = "40P01"
	lockNotAvailable     = "55P03"
)

// violates reports whether err is a violation of the constraint.
func violates(err error, state, constraint string) bool {
	var e *pgconn.PgError
	return errors.As(err, &e) && e.Code == state && strings.HasPrefix(e.ConstraintName, constraint)
}

// explain turns the violation of a unique name into the error that the client is
// told; doc is the document that could not be stored.
func explain(err error, doc scim.Document) error {
	switch {
	case violates(err, uniqueViolation, "users_name"):
		return nameTaken(doc).Because(err)
	case violates(err, uniqueViolation, "users_pkey"), violates(err, uniqueViolation, "groups_pkey"):
		return scim.Uniqueness("%s: %q is the id of another resource", schema.ID, schema.ID.Text(doc)).Because(err)
	case violates(err, uniqueViolation, "groups_name"):
		return scim.Uniqueness("%s: %q is the name of another group of the organisation; names are compared without regard to case",
			schema.GroupName, schema.GroupName.Text(doc)).Because(err)
	default:
		return err
	}
}

// nameTaken says that another user has the name.
func nameTaken(doc scim.Document) *scim.Error {
	return scim.Uniqueness("%s: %q is taken by another user of the organisation; names are compared without regard to case",
		schema.UserName, schema.UserName.Text(doc))
}

// attempts bounds how often a write is done again, lockAttempts how often when it waited
// for a row in vain (lockTimeout).
const (
	attempts     = 10
	lockAttempts = 3
)

// retry does a write again that PostgreSQL gave up in favour of another: on a
// deadlock, or because a user whose membership was being stored is deleted now.
// Whatever f wrote has been rolled back by then. When the connection was lost before
// the write could be carried out, it is done once more.
func retry(ctx context.Context, f func() error) error {
	lost, locked := false, 0
	for n := 1; ; n++ {
		err := f()
		again := isTransient(err)
		if violates(err, lockNotAvailable, "") {
			locked++
			again = locked < lockAttempts
		}
		if !again && !lost {
			lost = isLost(err) && !isUncertain(err)
			again = lost
		}
		if n == attempts || !again || ctx.Err() != nil {
			return err
		}
	}
}

func isTransient(err error) bool {
	return violates(err, deadlockDetected, "") || violates(err, serializationFailure, "") ||
		violates(err, foreignKeyViolation, "members_user")
}

func isNotFound(err error) bool { return errors.Is(err, directory.ErrNotFound) }

// noRows turns pgx's word for "not found" into the registry's.
func noRows(err error) error {
	if errors.Is(err, pgx.ErrNoRows) {
		return oauth.ErrNotFound
	}
	return err
}
