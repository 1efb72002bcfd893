// Package scimtest holds what clients and the standards expect of a SCIM
// server, as data, and the means to hold a server against it: recorded client
// scenarios replayed over HTTP, and the filter and patch cases drawn from
// RFC 7643 and RFC 7644.
//
// It is for tests only and knows nothing of this server's insides: a scenario
// needs a base URL and a token, so it would run against any other server as
// well. What a server must answer is decided in the data, not here.
package scimtest

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
)

//go:embed testdata
var testdata embed.FS

// decodeStrict decodes one of the data files. A key that the harness does not
// know is an error: skipping it would skip a check.
func decodeStrict(name string, into any) error {
	text, err := testdata.ReadFile("testdata/" + name)
	if err != nil {
		return err
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}
