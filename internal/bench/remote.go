package bench

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
)

// Remote measures the server at a URL alone: it makes users and, if it may, groups of
// its own, whose names begin with "purescim-bench-", and deletes them at the end,
// whatever becomes of the rest.
func Remote(ctx context.Context, o Options, users int) (report Report, err error) {
	if users < MinUsers {
		return Report{}, fmt.Errorf("%d users are too few, %d is the least", users, MinUsers)
	}
	o.Floor, o.Postmaster = Server{}, 0
	d, err := newDriver(o.Server, o)
	if err != nil {
		return Report{}, err
	}
	defer d.close()
	r := remote{driver: d, progress: o.Progress}
	d.made = new(ledger)
	defer func() {
		err = errors.Join(err, r.clean(context.WithoutCancel(ctx)))
	}()
	const random = 4 // bytes
	name := make([]byte, random)
	_, _ = rand.Read(name) // never fails
	o.Data.Prefix = "purescim-bench-" + hex.EncodeToString(name) + "-"
	if o.Data, err = r.load(ctx, o.Data, users); err != nil {
		return Report{}, fmt.Errorf("load: %w", err)
	}
	o.made = d.made
	return Run(ctx, o)
}

// remote is somebody's server.
type remote struct {
	*driver
	progress func(Step)
	platform bool // groups are made through the platform's endpoint
}

// load creates users and groups by HTTP.
func (r *remote) load(ctx context.Context, d Data, users int) (Data, error) {
	ids, err := r.create(ctx, "creating users", users, func(i int) request {
		return request{method: http.MethodPost, path: "/Users", body: d.UserBody(i)}
	})
	if err != nil {
		return d, err
	}
	d.Users = ids
	post, ok := r.groupMaker(ctx, d)
	if !ok {
		return d, nil
	}
	groups, err := r.create(ctx, "creating groups", d.GroupCount(), post)
	if err != nil {
		return d, err
	}
	d.Groups, d.Big = groups[:d.smallGroups()], groups[d.smallGroups()]
	_, err = r.create(ctx, "filling groups", len(groups), func(i int) request {
		return request{method: http.MethodPatch, path: "/Groups/" + groups[i] + withoutMembers, body: addMembers(d.Group(i).Members...)}
	})
	return d, err
}

// groupMaker finds out how groups are made: through SCIM, or where that is refused
// through the endpoint of Genesys Cloud's platform, which purescim has too.
func (r *remote) groupMaker(ctx context.Context, d Data) (post func(g int) request, ok bool) {
	inSCIM := func(g int) request {
		return request{
			method: http.MethodPost, path: "/Groups",
			body: `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"displayName":"` + d.groupName(g) + `"}`,
		}
	}
	onPlatform := func(g int) request {
		return request{
			method: http.MethodPost, path: "/api/v2/groups", platform: true,
			body: `{"name":"` + d.groupName(g) + `","type":"official","visibility":"public","rulesVisible":true}`,
		}
	}
	trial := d.GroupCount() // a group more than is needed
	if r.send(ctx, r.conns[0], inSCIM(trial), nil) == nil {
		return inSCIM, true
	}
	r.platform = strings.HasPrefix(r.path, "/api/v2/scim") && r.send(ctx, r.conns[0], onPlatform(trial), nil) == nil
	return onPlatform, r.platform
}

// create sends n requests over all connections and returns the ids of the answers.
func (r *remote) create(ctx context.Context, what string, n int, ask func(i int) request) ([]string, error) {
	ids := make([]string, n)
	err := r.each(ctx, what, n, func(c *connection, i int, keep *bytes.Buffer) error {
		keep.Reset() // an answer may have no body
		err := r.send(ctx, c, ask(i), keep)
		ids[i] = readID(keep.Bytes())
		return err
	})
	return ids, err
}

// each does n things on all connections at once, until one fails.
func (r *remote) each(ctx context.Context, what string, n int, do func(c *connection, i int, keep *bytes.Buffer) error) error {
	var next, done atomic.Int64
	var clients sync.WaitGroup
	failures := make([]error, len(r.conns))
	for client, c := range r.conns {
		clients.Go(func() {
			var keep bytes.Buffer
			for failures[client] == nil && ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				failures[client] = do(c, i, &keep)
				r.progress(Step{what, int(done.Add(1)), n})
			}
		})
	}
	clients.Wait()
	return errors.Join(errors.Join(failures...), ctx.Err())
}

// clean deletes what was made. What is gone already is no failure.
func (r *remote) clean(ctx context.Context) error {
	made := r.made.taken()
	err := r.each(ctx, "deleting what was created", len(made), func(c *connection, i int, _ *bytes.Buffer) error {
		err := r.send(ctx, c, request{method: http.MethodDelete, path: made[i].path, platform: made[i].platform}, nil)
		if refused := (*refusalError)(nil); errors.As(err, &refused) && refused.status == http.StatusNotFound {
			return nil
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("delete what was created (names begin with purescim-bench-): %w", err)
	}
	return nil
}

// ledger is what was created on somebody's server.
type ledger struct {
	sync.Mutex
	made []created
}

type created struct {
	path     string
	platform bool
}

// add notes what the answer to a POST tells of: a resource, or those of Bulk.
func (l *ledger) add(r request, body []byte) {
	var answer struct {
		ID         string
		Operations []struct{ Location string }
	}
	if json.Unmarshal(body, &answer) != nil {
		return
	}
	l.Lock()
	defer l.Unlock()
	if answer.ID != "" {
		l.made = append(l.made, created{r.path + "/" + url.PathEscape(answer.ID), r.platform})
	}
	for _, operation := range answer.Operations {
		if _, id, ok := strings.Cut(operation.Location, "/Users/"); ok {
			l.made = append(l.made, created{"/Users/" + id, false})
		}
	}
}

func (l *ledger) taken() []created {
	l.Lock()
	defer l.Unlock()
	return l.made
}

func readID(body []byte) string {
	var resource struct{ ID string }
	_ = json.Unmarshal(body, &resource) // what is no resource has no id
	return resource.ID
}
