package pgerr

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/scim"
)

func TestRetry(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]int{deadlockDetected: 3, outdated: 3, serializationFailure: 3, UniqueViolation: 1} {
		tries := 0
		err := Retry(t.Context(), func() error {
			if tries++; tries == 3 {
				return nil
			}
			return Wrap("write", &pgconn.PgError{Code: code})
		})
		if tries != want || (err == nil) != (want == 3) {
			t.Errorf("%s: %d tries and error %v, want %d tries", code, tries, err, want)
		}
	}
	tries := 0
	if err := Retry(t.Context(), func() error { tries++; return &pgconn.PgError{Code: deadlockDetected} }); err == nil || tries != attempts {
		t.Errorf("%d tries and error %v, want an end after %d", tries, err, attempts)
	}
}

// A write whose connection was lost before it could be stored is done once more, and
// one of which that is not known is not.
func TestRetry_OfLostConnections(t *testing.T) {
	t.Parallel()
	for err, want := range map[error]int{io.ErrUnexpectedEOF: 2, uncertain{io.ErrUnexpectedEOF}: 1, &pgconn.PgError{Code: "57P01"}: 2, &pgconn.PgError{Code: "53100"}: 1} {
		tries := 0
		_ = Retry(t.Context(), func() error { tries++; return err })
		if tries != want {
			t.Errorf("%v: %d tries, want %d", err, tries, want)
		}
	}
}

// What the database cannot do now is to be tried again; what is of the statement, or
// of who asked, is not.
func TestWrap_TellsWhatIsUnavailable(t *testing.T) {
	t.Parallel()
	now := map[error]bool{
		&pgconn.PgError{Code: UniqueViolation}: false, &pgconn.PgError{Code: "22021"}: false, &pgconn.PgError{Code: "XX001"}: false,
		io.ErrUnexpectedEOF: true, context.DeadlineExceeded: true, &net.OpError{Op: "read", Err: syscall.ECONNRESET}: true,
		context.Canceled: false, directory.ErrNotFound: false,
	}
	for _, code := range []string{
		"08006", outdated, "25006", "40001", "40P01", "53000", "53100", "53200", "53300", "53400", "55P03", "57014", "57P01", "57P02", "57P03", "58030",
	} {
		now[&pgconn.PgError{Code: code}] = true
	}
	for err, want := range now {
		told := (*scim.Error)(nil)
		wrapped := Wrap("write", fmt.Errorf("send: %w", err))
		if got := errors.As(wrapped, &told) && told.Status == http.StatusServiceUnavailable; got != want || !errors.Is(wrapped, err) {
			t.Errorf("%v: %v", err, wrapped)
		} else if got && strings.Contains(told.Detail, "not known") {
			t.Errorf("%v: %s", err, told.Detail)
		}
	}
}

// It is not known whether a write was carried out when its answer was lost, and when a
// commit was answered by the end of the connection; not when PostgreSQL has refused it.
func TestWrap_TellsWhatIsNotKnown(t *testing.T) {
	t.Parallel()
	ended := &pgconn.PgError{Code: "57P01", Severity: "FATAL"}
	for _, c := range []struct {
		err  error
		want bool
	}{
		{Sent(t.Context(), io.ErrUnexpectedEOF), true},
		{Sent(t.Context(), context.DeadlineExceeded), true},
		{Sent(t.Context(), ended), false},
		{Committed(t.Context(), ended), true},
		{Sent(t.Context(), directory.ErrNotFound), false},
		{Committed(t.Context(), &pgconn.PgError{Code: "53100", Severity: "ERROR"}), false},
		{io.ErrUnexpectedEOF, false},
	} {
		if got := strings.Contains(Wrap("write", c.err).Error(), "not known whether"); got != c.want {
			t.Errorf("%v: %v", c.err, Wrap("write", c.err))
		}
	}
}

// A constraint is recognised on a shard, and in the message of another node; another one,
// whose name begins alike, is not.
func TestViolates(t *testing.T) {
	t.Parallel()
	const message = `duplicate key value violates unique constraint "%s"`
	for _, c := range []struct {
		code, name, message string
		want                bool
	}{
		{UniqueViolation, "users_name", "", true},
		{UniqueViolation, "users_name_102009", "", true},
		{UniqueViolation, "", fmt.Sprintf(message, "users_name_102009"), true},
		{UniqueViolation, "", fmt.Sprintf(message, "users_name"), true},
		{UniqueViolation, "", "la valeur d'une clé dupliquée rompt la contrainte unique « users_name_102009 »", true},
		{UniqueViolation, "users_name_of_others", "", false},
		{UniqueViolation, "users_names", "", false},
		{UniqueViolation, "users_name_", "", false},
		{UniqueViolation, "groups_name_102009", "", false},
		{UniqueViolation, "groups_name", fmt.Sprintf(message, "users_name"), false},
		{UniqueViolation, "", fmt.Sprintf(message, "users_name_of_others"), false},
		{ForeignKeyViolation, "users_name", "", false},
	} {
		err := fmt.Errorf("store: %w", &pgconn.PgError{Code: c.code, ConstraintName: c.name, Message: c.message})
		if got := Violates(err, UniqueViolation, "users_name"); got != c.want {
			t.Errorf("%+v: %t", c, got)
		}
	}
	if Violates(errors.New("users_name"), UniqueViolation, "users_name") {
		t.Error("what is no error of PostgreSQL")
	}
}
