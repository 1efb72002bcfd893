package bench

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"time"
)

const mebibyte = 1 << 20

// manyValues sends bodies of small objects that mean nothing: what is made of each takes
// fifty times its bytes.
func manyValues() Flood {
	return Flood{
		Name: "200 bodies of 16 MiB of small objects", Memory: 512 * mebibyte, Beside: time.Second,
		send: func(ctx context.Context, a *attack) error {
			body := filled(`{"displayName":"GA","x":[`, `{"a":0}`, `]}`, 16*mebibyte)
			return a.putGroups(ctx, body, 200)
		},
	}
}

// manyMembers sends bodies that are as large as may be, and could be meant.
func manyMembers() Flood {
	return Flood{
		Name: "200 bodies of 200,000 members", Memory: 512 * mebibyte, Beside: time.Second,
		send: func(ctx context.Context, a *attack) error {
			const member = `{"value":"00000000-0000-4000-8000-000000000000","display":"Ada Lovelace"}`
			body := filled(`{"displayName":"GA","members":[`, member, `]}`, 200_000*(len(member)+1))
			return a.putGroups(ctx, body, 200)
		},
	}
}

// putGroups sends the body to as many groups at once, which do not exist.
func (a *attack) putGroups(ctx context.Context, body []byte, n int) error {
	return a.atOnce(a.many(n), func(i int) error {
		_, _, err := a.do(ctx, http.MethodPut, fmt.Sprintf("/api/v2/scim/v2/Groups/00000000-0000-4000-8000-%012d", i), body)
		return err
	})
}

// filled is begin, as many elements as fit into size bytes, and end.
func filled(begin, element, end string, size int) []byte {
	var b bytes.Buffer
	b.Grow(size)
	b.WriteString(begin + element)
	for b.Len()+len(element)+1+len(end) <= size {
		b.WriteString("," + element)
	}
	b.WriteString(end)
	return b.Bytes()
}
