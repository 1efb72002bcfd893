package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
)

// Load fills an organisation through the server's own endpoints, so that what is read
// later was written as the server writes it: users, one group of 1,000 members, and
// small groups.
func Load(ctx context.Context, s Server, users, connections int) (Data, error) {
	if users < MinUsers {
		return Data{}, fmt.Errorf("%d users are too few, %d is the least", users, MinUsers)
	}
	d, err := newDriver(ctx, s, Options{Connections: connections})
	if err != nil {
		return Data{}, err
	}
	defer d.close()
	var data Data
	data.Users, err = d.create(users, http.StatusCreated, func(i int) request {
		return request{method: http.MethodPost, path: scimPath + "/Users", body: userBody(i)}
	})
	if err != nil {
		return data, err
	}
	slices.Sort(data.Users) // UUIDs of version 7: the order of creation, and of lists
	groups, err := d.create(1+smallGroups(users), http.StatusOK, func(i int) request {
		return request{method: http.MethodPost, path: "/api/v2/groups", body: groupBody("Group " + strconv.Itoa(i))}
	})
	if err != nil {
		return data, err
	}
	data.Groups = groups[1:]
	_, err = d.create(len(groups), http.StatusOK, func(i int) request {
		members := data.bigMembers()
		if i > 0 {
			members = data.members(i - 1)
		}
		return request{method: http.MethodPatch, path: scimPath + "/Groups/" + groups[i], body: addMembers(members...)}
	})
	return data, err
}

// create sends n requests over all connections and returns the ids of the answers.
func (d *driver) create(n, status int, r func(i int) request) ([]string, error) {
	var next atomic.Int64
	var clients sync.WaitGroup
	ids, failures := make([]string, n), make([]error, len(d.conns))
	for client, c := range d.conns {
		clients.Go(func() {
			for failures[client] == nil {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				failures[client] = d.send(c, r(i), readID(status, &ids[i]))
			}
		})
	}
	clients.Wait()
	for _, err := range failures {
		if err != nil {
			return nil, fmt.Errorf("load: %w", err)
		}
	}
	return ids, nil
}

func readID(want int, id *string) func(int, io.Reader) error {
	return func(status int, body io.Reader) error {
		if status != want {
			return unexpected(status, body)
		}
		var resource struct{ ID string }
		text, err := io.ReadAll(body)
		if err == nil {
			err = json.Unmarshal(text, &resource)
		}
		*id = resource.ID
		return err
	}
}
