// Package pgerr interprets the errors of PostgreSQL: which constraint was violated, what is
// worth a retry, and what the client is told when the database cannot answer now.
//
// What a violated constraint means for a client is left to the stores, which know the names.
package pgerr

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Errors of PostgreSQL are told apart by SQLSTATE and the name of the constraint.
const (
	UniqueViolation      = "23505"
	ForeignKeyViolation  = "23503"
	serializationFailure = "40001"
	deadlockDetected     = "40P01"
	lockNotAvailable     = "55P03"
	UndefinedTable       = "42P01"
	QueryCancelled       = "57014"

	// outdated is what a check raises that divides by zero (pool.Check): the statement before
	// it did not see what others had stored.
	outdated = "22012"
)

// Violates reports whether err is a violation of the constraint, or has the state if that
// is empty.
//
// In a cluster of Citus the constraint may be that of a shard, whose number its name ends
// with; and of an error of another node only the message tells it.
func Violates(err error, state, constraint string) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	switch {
	case !ok || e.Code != state:
		return false
	case constraint == "":
		return true
	case e.ConstraintName != "":
		return isOf(e.ConstraintName, constraint)
	}
	words := strings.FieldsFunc(e.Message, func(r rune) bool {
		return r != '_' && (r < 'a' || r > 'z') && (r < '0' || r > '9')
	})
	return slices.ContainsFunc(words, func(word string) bool { return isOf(word, constraint) })
}

// isOf reports whether a name is that of a constraint, or of its like on a shard.
func isOf(name, constraint string) bool {
	number, ok := strings.CutPrefix(name, constraint)
	if !ok || number == "" {
		return ok
	}
	return number[0] == '_' && len(number) > 1 && strings.Trim(number[1:], "0123456789") == ""
}

// NoRows gives another error in place of pgx's, where a statement has found nothing.
func NoRows(err, instead error) error {
	if errors.Is(err, pgx.ErrNoRows) {
		return instead
	}
	return err
}

// attempts bounds how often a write is done again, lockAttempts how often when it waited
// for a row in vain (lockTimeout).
const (
	attempts     = 10
	lockAttempts = 3
)

// Retry does a write again that PostgreSQL gave up in favour of another: on a
// deadlock, or because a user whose membership was being stored is deleted now, or because
// what was stored is of a moment that is over.
// Whatever f wrote has been rolled back by then. When the connection was lost before
// the write could be carried out, it is done once more.
func Retry(ctx context.Context, f func() error) error {
	lost, locked := false, 0
	for n := 1; ; n++ {
		err := f()
		if err == nil {
			return nil
		}
		again := IsTransient(err)
		if Violates(err, lockNotAvailable, "") {
			locked++
			again = locked < lockAttempts
		}
		if !again && !lost {
			lost = IsLost(err) && !isUncertain(err)
			again = lost
		}
		if n == attempts || !again || ctx.Err() != nil {
			return err
		}
	}
}

// IsTransient reports whether PostgreSQL gave something up in favour of another, or of what a
// standby has to replay: it may be done again at once.
func IsTransient(err error) bool {
	return Violates(err, deadlockDetected, "") || Violates(err, outdated, "") || Violates(err, serializationFailure, "") ||
		Violates(err, ForeignKeyViolation, "members_user")
}
