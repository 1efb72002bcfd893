package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// The floods of this file ask for answers that are as large as may be. Each must stay
// below answersMemory.
const answersMemory = 128 * mebibyte

const (
	divisionsPath = "/api/v2/authorization/divisions"
	rolesPath     = "/api/v2/authorization/roles"
	clientsPath   = "/api/v2/oauth/clients"
	usersPath     = "/api/v2/scim/v2/Users"
)

// largeDivisions lists divisions with long descriptions.
func largeDivisions() Flood {
	return Flood{
		Name: "100 divisions, listed 8 times at once", Memory: answersMemory, Beside: time.Second,
		prepare: func(ctx context.Context, a *attack) error {
			return a.create(ctx, divisionsPath, a.many(100), func(i int) any {
				return map[string]any{"name": fmt.Sprint("division ", i), "description": strings.Repeat("d", 2000)}
			})
		},
		send: func(ctx context.Context, a *attack) error {
			return a.read(ctx, divisionsPath+"?pageSize=500", 8, a.many(10))
		},
	}
}

// largeRoles lists roles that permit as much as may be.
func largeRoles() Flood {
	return Flood{
		Name: "120 largest roles, listed 8 times at once", Memory: answersMemory, Beside: time.Second,
		prepare: func(ctx context.Context, a *attack) error { return a.create(ctx, rolesPath, a.many(120), largestRole) },
		send: func(ctx context.Context, a *attack) error {
			return a.read(ctx, rolesPath+"?pageSize=500", 8, a.many(10))
		},
	}
}

// largestRole is a role of as many permissions as may be, of as many bytes.
func largestRole(i int) any {
	permissions := make([]string, 2000)
	for n := range permissions {
		permissions[n] = fmt.Sprintf("permission-%04d-number-%04d", i, n)
	}
	return map[string]any{"name": fmt.Sprint("role ", i), "permissions": permissions}
}

// largeEvents polls events that are as large as may be.
func largeEvents() Flood {
	return Flood{
		Name: "polls of 1,000 events of 240 KB", Memory: answersMemory, Beside: time.Second,
		prepare: func(ctx context.Context, a *attack) error {
			stream := `{"method":"poll","audience":"flood","form":"full"}`
			if _, err := a.must(ctx, http.MethodPut, "/api/v2/events/stream", []byte(stream)); err != nil {
				return err
			}
			return a.create(ctx, usersPath, a.many(1000), func(i int) any {
				photo := func(kind string) any {
					return map[string]any{"type": kind, "value": "https://example.org/" + kind + strings.Repeat("x", 120_000)}
				}
				return map[string]any{"userName": fmt.Sprint("event ", i), "photos": []any{photo("photo"), photo("thumbnail")}}
			})
		},
		send: func(ctx context.Context, a *attack) error {
			return a.atOnce(8, func(int) error {
				for range a.many(10) {
					if _, _, err := a.do(ctx, http.MethodPost, "/api/v2/events/poll", []byte(`{"maxEvents":1000,"returnImmediately":true}`)); err != nil {
						return err
					}
				}
				return nil
			})
		},
	}
}

// unreadUsers asks for large users and does not read the answers.
func unreadUsers() Flood {
	return Flood{
		Name: "100 users of 128 KiB, to 12 that do not read", Memory: answersMemory, Beside: time.Second,
		prepare: func(ctx context.Context, a *attack) error {
			return a.create(ctx, usersPath, a.many(100), func(i int) any {
				return map[string]any{"userName": fmt.Sprint("large ", i), "title": strings.Repeat("t", 128<<10)}
			})
		},
		send: func(ctx context.Context, a *attack) error {
			return a.atOnce(12, func(i int) error {
				// As a list of SCIM and of the platform, in turns.
				return a.leave(ctx, []string{usersPath + "?count=100", "/api/v2/users?pageSize=100"}[i%2], 10*time.Second)
			})
		},
	}
}

// largeTokens uses fresh tokens of a client with large roles.
func largeTokens() Flood {
	client := new(struct{ ID, Secret string })
	return Flood{
		Name: "12 fresh tokens of 30 largest roles", Memory: answersMemory, Beside: time.Second,
		prepare: func(ctx context.Context, a *attack) error {
			var grants []any
			for i := range a.many(30) {
				role, err := a.post(ctx, rolesPath, largestRole(i))
				if err != nil {
					return err
				}
				grants = append(grants, map[string]any{"roleId": readID(role)})
			}
			made, err := a.post(ctx, clientsPath, map[string]any{
				"name": "large", "authorizedGrantType": "CLIENT-CREDENTIALS", "roleDivisions": grants,
			})
			if err == nil {
				err = json.Unmarshal(made, client)
			}
			return err
		},
		send: func(ctx context.Context, a *attack) error {
			return a.atOnce(12, func(int) error {
				token, err := a.issue(ctx, client.ID, client.Secret)
				if err != nil {
					return err
				}
				_, _, err = a.doAs(ctx, token, http.MethodGet, usersPath+"?count=1", nil)
				return err
			})
		},
	}
}

// create posts n things to a path, four at once.
func (a *attack) create(ctx context.Context, path string, n int, thing func(i int) any) error {
	const atOnce = 4
	return a.atOnce(atOnce, func(first int) error {
		for i := first; i < n; i += atOnce {
			if _, err := a.post(ctx, path, thing(i)); err != nil {
				return err
			}
		}
		return nil
	})
}

func (a *attack) post(ctx context.Context, path string, thing any) ([]byte, error) {
	body, err := json.Marshal(thing)
	if err != nil {
		return nil, err
	}
	return a.must(ctx, http.MethodPost, path, body)
}

// read has so many clients at once read a path as often.
func (a *attack) read(ctx context.Context, path string, clients, often int) error {
	return a.atOnce(clients, func(int) error {
		for range often {
			if _, _, err := a.do(ctx, http.MethodGet, path, nil); err != nil {
				return err
			}
		}
		return nil
	})
}

// leave asks for a path and reads nothing of the answer for a time.
func (a *attack) leave(ctx context.Context, path string, alone time.Duration) error {
	u, err := url.Parse(a.url)
	if err != nil {
		return err
	}
	connection, err := new(net.Dialer).DialContext(ctx, "tcp", u.Host)
	if err != nil {
		return err
	}
	defer connection.Close()
	if tcp, ok := connection.(*net.TCPConn); ok {
		_ = tcp.SetReadBuffer(4096)
	}
	request := "GET " + u.Path + path + " HTTP/1.1\r\nHost: " + u.Host + "\r\nAuthorization: Bearer " + a.token + "\r\n\r\n"
	if _, err := io.WriteString(connection, request); err != nil {
		return err
	}
	select {
	case <-time.After(alone):
	case <-ctx.Done():
	}
	return ctx.Err()
}

// issue gets an access token for a client.
func (a *attack) issue(ctx context.Context, client, secret string) (token string, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, a.url+"/oauth/token", strings.NewReader("grant_type=client_credentials"))
	if err != nil {
		return "", err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(client, secret)
	response, err := a.client.Do(r)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	var answer struct {
		Token string `json:"access_token"`
	}
	err = json.NewDecoder(response.Body).Decode(&answer)
	if err == nil && answer.Token == "" {
		err = &refusalError{"POST /oauth/token", response.StatusCode, ""}
	}
	return answer.Token, err
}
