package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
)

// features are what a server says that it offers (RFC 7643 section 5, RFC 9865).
type features struct {
	Patch, Filter, Sort, ETag struct{ Supported bool }
	Bulk                      struct {
		Supported     bool
		MaxOperations int
	}
	Pagination struct{ Cursor bool }
}

// discover reads the ServiceProviderConfig. A server without one is believed to offer
// what clients cannot do without.
func (d *driver) discover(ctx context.Context) (features, error) {
	var f features
	f.Patch.Supported, f.Filter.Supported = true, true
	var body bytes.Buffer
	err := d.send(ctx, d.conns[0], request{method: http.MethodGet, path: "/ServiceProviderConfig"}, &body)
	if refused := (*refusalError)(nil); errors.As(err, &refused) && refused.status != http.StatusUnauthorized {
		return f, nil
	}
	if err == nil {
		f = features{}
		err = json.Unmarshal(body.Bytes(), &f)
	}
	return f, err
}

// unless says why a line is left out, when it is.
func unless(offered bool, what string) string {
	if offered {
		return ""
	}
	return "the server says that it offers no " + what
}
