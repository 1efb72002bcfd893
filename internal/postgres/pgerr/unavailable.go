package pgerr

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/puddle/v2"

	"github.com/purescim/purescim/internal/scim"
)

// What PostgreSQL cannot do now and may do later is 503, whoever asked for what. The
// client is told why, that it may try again, and that it is not known whether a write
// was carried out only where that is so: when the answer to what would have stored it
// was lost. A read, and what PostgreSQL refused, has changed nothing.

// reason is why PostgreSQL refuses for now what it would do at another time.
type reason struct {
	state string // the beginning of the SQLSTATE
	told  string // to the client
	lost  bool   // the connection, so that another one may do better at once
}

// reasons are looked through in this order.
var reasons = []reason{
	{state: "08", told: unreachable, lost: true},                    // connection exceptions
	{state: outdated, told: othersFirst},                            // after all attempts
	{state: "25006", told: "it takes no changes at the moment"},     // read-only transaction: a standby, or set so
	{state: "25P03", told: "the request took too long", lost: true}, // idle in transaction
	{state: "25P04", told: "the request took too long", lost: true}, // transaction timeout
	{state: "40001", told: othersFirst},                             // serialization failure, after all attempts
	{state: "40P01", told: othersFirst},                             // deadlock, after all attempts
	{state: "53100", told: "it has no space left"},                  // disk full
	{state: "53200", told: "it has no memory left"},                 // out of memory
	{state: "53300", told: "it has too many connections"},           // too many connections
	{state: "53", told: "it lacks resources"},                       // the others of the class
	{state: "55P03", told: othersFirst},                             // lock not available
	{state: "57014", told: "the request took too long"},             // cancelled: statement_timeout, or by an administrator
	{state: "57P", told: "it is stopping or starting", lost: true},  // shutdown, crash, cannot connect now
	{state: "58030", told: "its storage fails"},                     // input or output error
}

const (
	unreachable = "it cannot be reached"
	othersFirst = "other requests are changing the same"
)

// reasonOf finds the reason of an error that is not the request's fault.
func reasonOf(err error) (why reason, ok bool) {
	if e := (*pgconn.PgError)(nil); errors.As(err, &e) {
		for _, why := range reasons {
			if strings.HasPrefix(e.Code, why.state) {
				return why, true
			}
		}
	}
	refused := (*pgconn.ConnectError)(nil)
	broken := net.Error(nil)
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return reason{told: "it did not answer in time"}, true
	case errors.Is(err, context.Canceled):
		return reason{}, false // nobody waits for the answer
	case errors.As(err, &refused): // whatever the reason: this server cannot get in
		return reason{told: unreachable, lost: true}, true
	case errors.Is(err, pgconn.ErrConnClosed), errors.Is(err, net.ErrClosed), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF),
		errors.As(err, &broken):
		return reason{told: unreachable, lost: true}, true
	case errors.Is(err, puddle.ErrClosedPool):
		return reason{told: "this server is stopping"}, true
	}
	return reason{}, false
}

// IsLost reports whether err is of the connection: another one may do better.
func IsLost(err error) bool {
	why, ok := reasonOf(err)
	return ok && why.lost
}

// uncertain is the error of a statement or commit whose answer was lost: it was
// carried out or not.
type uncertain struct{ error }

func (e uncertain) Unwrap() error { return e.error }

func isUncertain(err error) bool { return errors.As(err, new(uncertain)) }

// Sent is the error of what was sent to store something: uncertain when the answer was
// lost, and not when PostgreSQL has refused or nothing has reached it.
func Sent(ctx context.Context, err error) error {
	answered := (*pgconn.PgError)(nil)
	if err == nil || errors.As(err, &answered) || pgconn.SafeToRetry(err) {
		return err
	}
	if why := context.Cause(ctx); errors.Is(err, context.Canceled) && errors.Is(why, context.DeadlineExceeded) {
		err = fmt.Errorf("%w: %w", why, err)
	}
	if _, ok := reasonOf(err); ok {
		return uncertain{err}
	}
	return err
}

// Committed is sent for a commit: PostgreSQL may end a connection with an error after
// it has committed, while it waits for a standby.
func Committed(ctx context.Context, err error) error {
	if e := (*pgconn.PgError)(nil); errors.As(err, &e) && e.Severity == "FATAL" {
		return uncertain{err}
	}
	return Sent(ctx, err)
}

// Ended is Committed for the statement that ends a transaction, which was sent unless its time
// was over before. Of a connection that breaks before the answer pgx tells that it is closed
// by then, as if nothing had been sent on it (MultiResultReader.NextResult of v5.12.0).
func Ended(ctx context.Context, err error) error {
	if pgconn.SafeToRetry(err) && !pgconn.Timeout(err) {
		return uncertain{err}
	}
	return Committed(ctx, err)
}

// Wrap says what was being done when err happened, and turns what cannot be done now
// into the error that the client is told.
func Wrap(doing string, err error) error {
	if err == nil {
		return nil
	}
	err = fmt.Errorf("%s: %w", doing, err)
	why, ok := reasonOf(err)
	switch {
	case !ok:
		return err
	case isUncertain(err):
		return scim.Unavailable("the database did not answer, and it is not known whether the request was carried out; try again in some seconds").Because(fmt.Errorf("%w: %w", scim.ErrUncertain, err))
	case why.lost:
		err = fmt.Errorf("%w: %w", scim.ErrLost, err)
	}
	return scim.Unavailable("the database cannot do this now: %s; try again in some seconds", why.told).Because(err)
}
