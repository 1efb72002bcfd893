package scim_test

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/purescim/purescim/internal/scim"
)

// TestErrorTypesGoWithTheirStatus: RFC 7644 tables 8 and 9.
func TestErrorTypesGoWithTheirStatus(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		err    *scim.Error
		status int
		kind   scim.ErrorType
	}{
		{scim.InvalidFilter("x"), 400, "invalidFilter"},
		{scim.InvalidSyntax("x"), 400, "invalidSyntax"},
		{scim.InvalidPath("x"), 400, "invalidPath"},
		{scim.NoTarget("x"), 400, "noTarget"},
		{scim.InvalidValue("x"), 400, "invalidValue"},
		{scim.Mutability("x"), 400, "mutability"},
		{scim.TooMany("x"), 400, "tooMany"},
		{scim.BadRequest("x"), 400, "invalidValue"},
		{scim.InvalidCursor("x"), 400, "invalidCursor"}, // RFC 9865
		{scim.ExpiredCursor("x"), 400, "expiredCursor"},
		{scim.InvalidCount("x"), 400, "invalidCount"},
		{scim.Unauthorized("x"), 401, ""},
		{scim.Forbidden("x"), 403, ""},
		{scim.NotFound("x"), 404, ""},
		{scim.MethodNotAllowed("x"), 405, ""},
		{scim.NotAcceptable("x"), 406, ""},
		{scim.Uniqueness("x"), 409, "uniqueness"},
		{scim.Conflict("x"), 409, ""},
		{scim.InvalidVersion("x"), 412, "invalidVers"},
		{scim.TooLarge("x"), 413, ""},
		{scim.UnsupportedMediaType("x"), 415, ""},
		{scim.TooManyRequests("x"), 429, ""},
		{scim.NotImplemented("x"), 501, ""},
		{scim.Unavailable("x"), 503, ""},
	} {
		if test.err.Status != test.status || test.err.Type != test.kind || test.err.Detail != "x" {
			t.Errorf("%+v, want %d %s", test.err, test.status, test.kind)
		}
	}
}

func TestTheCauseIsForTheLogOnly(t *testing.T) {
	t.Parallel()
	plain, cause := scim.InvalidValue("%s is wrong", "title"), errors.New("inner")
	err := plain.Because(cause)
	if !errors.Is(err, cause) || strings.Contains(err.Error(), "inner") {
		t.Errorf("%v does not wrap its cause, or tells it", err)
	}
	if errors.Is(plain, cause) {
		t.Error("Because changed its receiver")
	}
	if got := err.Error(); got != "invalidValue: title is wrong" {
		t.Errorf("Error() = %q", got)
	}
	if got := scim.NotFound("no such user").Error(); got != "no such user" {
		t.Errorf("Error() = %q", got)
	}
}

func TestDetailsStayShort(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("é", 100_000)
	for _, err := range []*scim.Error{scim.InvalidValue("%s", long), scim.InvalidValue("a%s", long), scim.InvalidValue("%s", errors.New(long))} {
		if len(err.Detail) > 1100 || !utf8.ValidString(err.Detail) || !strings.HasSuffix(err.Detail, "…") {
			t.Errorf("the detail has %d bytes, valid: %t", len(err.Detail), utf8.ValidString(err.Detail))
		}
	}
}
