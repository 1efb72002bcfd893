package scimtest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// DefaultMount is where the SCIM endpoints stand unless a request names
// another mount.
const DefaultMount = "/api/v2/scim/v2"

// Target is a server, and in it one organisation that has no users and no
// groups yet.
type Target struct {
	BaseURL string       // scheme, host and port: http://127.0.0.1:8080
	Token   string       // a bearer token that may do everything in the organisation
	Client  *http.Client // http.DefaultClient when nil

	// Observe, when set, is shown every exchange, with both bodies whole: to
	// hold the traffic against an API description, for instance.
	Observe func(request *http.Request, requestBody []byte, response *http.Response, responseBody []byte)
}

// Run plays the scenario against target. The first step that is not answered
// as expected ends the test, telling the file, the step, the request and the
// answer.
func (s Scenario) Run(t testing.TB, target Target) {
	t.Helper()
	if err := s.play(t.Context(), target); err != nil {
		t.Fatal(err)
	}
}

func (s Scenario) play(ctx context.Context, target Target) error {
	p := player{target: target, vars: variables{"token": target.Token}}
	if err := p.provide(ctx, s); err != nil {
		return fmt.Errorf("%s: %w", s.File, err)
	}
	for _, part := range []struct {
		name  string
		steps []Step
	}{{"set-up step", s.Setup}, {"step", s.Steps}} {
		for i, step := range part.steps {
			if err := p.step(ctx, step); err != nil {
				return fmt.Errorf("%s: %s %d %q: %w", s.File, part.name, i+1, step.Name, err)
			}
		}
	}
	return nil
}

// player is one scenario under way.
type player struct {
	target Target
	vars   variables
}

// answer is a response with its body read, and the request it belongs to.
type answer struct {
	request     *http.Request
	requestBody []byte
	status      int
	header      http.Header
	body        []byte
}

func (a *answer) document() (any, error) {
	var document any
	if err := json.Unmarshal(a.body, &document); err != nil {
		return nil, fmt.Errorf("the body is not JSON: %w", err)
	}
	return document, nil
}

func (p *player) step(ctx context.Context, step Step) error {
	if step.Request == nil {
		return p.setUp(ctx, step)
	}
	got, err := p.send(ctx, *step.Request)
	if err != nil {
		return err
	}
	if err := step.Expect.check(got, p.vars); err != nil {
		return p.describe(err, got)
	}
	for name, path := range step.Save {
		if err := p.save(name, path, got); err != nil {
			return p.describe(err, got)
		}
	}
	return nil
}

func (p *player) save(name, path string, from *answer) error {
	document, err := from.document()
	if err != nil {
		return err
	}
	value, _, err := lookUp(document, path)
	if err != nil {
		return err
	}
	text, ok := value.(string)
	if !ok || text == "" {
		return fmt.Errorf("no text at %s to save as %s", path, name)
	}
	p.vars[name] = text
	return nil
}

func (p *player) send(ctx context.Context, r Request) (*answer, error) {
	address, err := p.address(r)
	if err != nil {
		return nil, err
	}
	body, err := p.body(r)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, r.Method, address, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	for name, value := range r.Headers {
		value, err := p.vars.expand(value)
		if err != nil {
			return nil, err
		}
		request.Header.Set(name, value)
	}
	switch r.Auth {
	case AuthToken:
		request.Header.Set("Authorization", "Bearer "+p.target.Token)
	case AuthBad:
		request.Header.Set("Authorization", "Bearer no-server-has-issued-this")
	case AuthBasic:
		request.SetBasicAuth("administrator", "guess")
	case AuthNone:
	default:
		return nil, fmt.Errorf("unknown auth %q", r.Auth)
	}
	return p.exchange(request, body)
}

// address is composed as text, so that what a client writes into its URL, a
// bare ? or a trailing & for instance, arrives as it was recorded.
func (p *player) address(r Request) (string, error) {
	mount := DefaultMount
	if r.Mount != nil {
		mount = *r.Mount
	}
	path, err := p.vars.expand(r.Path)
	if err != nil {
		return "", err
	}
	address := p.target.BaseURL + mount + path
	if r.RawQuery != nil {
		query, err := p.vars.expand(*r.RawQuery)
		return address + "?" + query, err
	}
	query := url.Values{}
	for name, value := range r.Query {
		value, err := p.vars.expand(value)
		if err != nil {
			return "", err
		}
		query.Set(name, value)
	}
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	return address, nil
}

func (p *player) body(r Request) ([]byte, error) {
	switch {
	case r.RawBody != nil:
		text, err := p.vars.expand(*r.RawBody)
		return []byte(text), err
	case r.RawBodyRepeat != nil:
		long := r.RawBodyRepeat
		return []byte(long.Prefix + strings.Repeat(long.Unit, long.Count) + long.Suffix), nil
	case r.Body != nil:
		var compact bytes.Buffer
		if err := json.Compact(&compact, r.Body); err != nil {
			return nil, err
		}
		return p.vars.expandJSON(compact.Bytes())
	}
	return nil, nil
}

func (p *player) exchange(request *http.Request, body []byte) (*answer, error) {
	client := p.target.Client
	if client == nil {
		client = http.DefaultClient
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(response.Body)
	if err = errors.Join(err, response.Body.Close()); err != nil {
		return nil, fmt.Errorf("%s %s: reading the answer: %w", request.Method, request.URL, err)
	}
	if p.target.Observe != nil {
		p.target.Observe(request, body, response, text)
	}
	return &answer{request, body, response.StatusCode, response.Header, text}, nil
}

// describe tells what was asked and answered, so that a failure can be
// understood without running the scenario again. The token is left out.
func (p *player) describe(err error, a *answer) error {
	told := fmt.Sprintf("%v\n  request: %s %s\n           %s\n  answer:  %d %s\n           %s",
		err, a.request.Method, a.request.URL, shorten(a.requestBody),
		a.status, http.StatusText(a.status), shorten(a.body))
	if p.target.Token != "" {
		told = strings.ReplaceAll(told, p.target.Token, "{{token}}")
	}
	return errors.New(told)
}

func shorten(body []byte) string {
	const shown = 4000
	if len(body) > shown {
		return fmt.Sprintf("%s… (%d bytes)", body[:shown], len(body))
	}
	return string(body)
}
