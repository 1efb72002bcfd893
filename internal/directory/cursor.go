package directory

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// cursors turns positions in lists into what a client is given, and back (RFC
// 9865). Nothing is kept of them: a cursor holds the position, the size of the
// page and its end of life, and is signed for the one list that it is of, with a
// key that all servers have.
type cursors struct {
	load func(ctx context.Context) ([]byte, error)
	now  func() time.Time

	mu  sync.Mutex
	key []byte
}

// listName names a list for its cursors: whose it is, of which types, selected
// how and in what order.
func listName(o org.ID, kind string, list ...TypeQuery) string {
	var b strings.Builder
	b.WriteString(o.String() + " " + kind)
	for _, of := range list {
		b.WriteString("\n" + of.Type.Name)
		if of.Filter != nil {
			b.WriteString("\n" + of.Filter.String())
		}
		if of.Sort != nil {
			b.WriteString("\nby " + of.Sort.String())
		}
	}
	return b.String()
}

// page finds which page of the list a request is for.
func (c *cursors) page(ctx context.Context, list string, r ListRequest) (q Query, err error) {
	q.Start, q.Count = r.Start, r.Count
	if !r.ByCursor {
		return q, nil
	}
	q.Start, q.After, q.Enough, q.Look = 1, new(Position), r.Enough, r.Look
	if r.Cursor == "" {
		return q, nil
	}
	*q.After, q.Count, err = c.open(ctx, list, r.Cursor)
	if err == nil && r.HasCount && r.Count != q.Count {
		err = scim.InvalidCount("count: %d is not what the first page was asked with, %d; it stays the same from page to page", r.Count, q.Count)
	}
	return q, err
}

// next gives the cursor of the page behind, or "" behind the last.
func (c *cursors) next(ctx context.Context, list string, p Page, count int) (string, error) {
	if p.Next == nil {
		return "", nil
	}
	return c.seal(ctx, list, *p.Next, count)
}

const (
	cursorVersion = 1
	signature     = 16 // bytes
	absent        = 1  // a flag
)

// seal writes a position as text that needs no escapes in a URL.
func (c *cursors) seal(ctx context.Context, list string, p Position, count int) (string, error) {
	b := append(make([]byte, 0, 64+len(p.Value)), cursorVersion)
	b = binary.AppendUvarint(b, uint64(c.now().Add(schema.DefaultService.CursorTimeout).Unix()))
	b = binary.AppendUvarint(b, uint64(count))
	flags := byte(0)
	if p.Absent {
		flags = absent
	}
	b = append(append(append(b, flags), p.ID[:]...), p.Value...)
	sum, err := c.sign(ctx, list, b)
	return base64.RawURLEncoding.EncodeToString(append(b, sum...)), err
}

// open reads what seal wrote for the same list. A forged cursor gets the same error as one
// for another list.
func (c *cursors) open(ctx context.Context, list, text string) (p Position, count int, err error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(b) <= signature || strings.ContainsAny(text, "\r\n") { // which the decoder passes over
		return p, 0, invalidCursor()
	}
	b, given := b[:len(b)-signature], b[len(b)-signature:]
	sum, err := c.sign(ctx, list, b)
	if err != nil {
		return p, 0, err
	}
	if !hmac.Equal(sum, given) || b[0] != cursorVersion {
		return p, 0, invalidCursor()
	}
	until, n := binary.Uvarint(b[1:])
	b = b[1+n:]
	size, n := binary.Uvarint(b)
	b = b[n:]
	p.Absent, p.ID, p.Value = b[0] == absent, uuid.UUID(b[1:17]), string(b[17:])
	if c.now().Unix() > int64(until) {
		return p, 0, scim.ExpiredCursor("the cursor has expired: the next page must be asked for within %s; begin again with an empty cursor",
			schema.DefaultService.CursorTimeout)
	}
	return p, int(size), nil
}

func invalidCursor() error {
	return scim.InvalidCursor("the cursor was not given by this server for this list: the endpoint, filter, sortBy and sortOrder " +
		"must be those of the page that it came with; begin again with an empty cursor")
}

func (c *cursors) sign(ctx context.Context, list string, b []byte) ([]byte, error) {
	key, err := c.secret(ctx)
	if err != nil {
		return nil, err
	}
	of := sha256.Sum256([]byte(list))
	mac := hmac.New(sha256.New, key)
	mac.Write(of[:])
	mac.Write(b)
	return mac.Sum(nil)[:signature], nil
}

// secret reads the key when it is needed first.
func (c *cursors) secret(ctx context.Context) ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.key == nil {
		key, err := c.load(ctx)
		if err != nil {
			return nil, err
		}
		c.key = key
	}
	return c.key, nil
}
