package main

import (
	"context"
	"fmt"
	"time"

	"github.com/purescim/purescim/internal/oauth"
)

type keyCommands struct {
	List   keyList   `cmd:"" help:"List the keys."`
	Rotate keyRotate `cmd:"" help:"Sign new tokens with a new key. Tokens that were issued stay good."`
	Rewrap keyRewrap `cmd:"" help:"Encrypt all secrets in the database with the first key of the key file."`
}

type keyRewrap struct{ database }

// Run encrypts what is in the clear, or under another key than the first.
func (cmd *keyRewrap) Run(ctx context.Context, c console) error {
	return cmd.with(ctx, c, changes, func(p *parts) error {
		n, err := p.store.Rewrap(ctx)
		if err == nil {
			_, err = fmt.Fprintf(c.out, "%d values encrypted again\n", n)
		}
		return err
	})
}

type keyRotate struct {
	database
	output
}

type keyList struct {
	database
	output
}

// Run lists the keys.
func (cmd *keyList) Run(ctx context.Context, c console) error {
	return cmd.with(ctx, c, reads, func(p *parts) error { return p.printKeys(ctx, c, cmd.output) })
}

// keyResult is what a program reads of a key: never the key itself.
type keyResult struct {
	ID          string     `json:"kid"`
	Created     *time.Time `json:"created"`
	Retired     *time.Time `json:"retired"`
	VerifyUntil *time.Time `json:"verifies_until"`
}

// newKeyResult tells of a key that is retired, which signs nothing, until when it
// verifies: until the last of its tokens has ended.
func newKeyResult(k oauth.Key) keyResult {
	r := keyResult{ID: k.ID, Created: timeJSON(k.Created), Retired: timeJSON(k.Retired)}
	if r.Retired != nil {
		r.VerifyUntil = timeJSON(k.VerifyUntil)
	}
	return r
}

// printKeys lists the keys, the newest last.
func (p *parts) printKeys(ctx context.Context, c console, o output) error {
	keys, err := p.oauth.SigningKeys(ctx)
	return printList(o, c, keys, err, newKeyResult, columns[keyResult]{
		[]string{"KID", "CREATED", "RETIRED", "VERIFIES UNTIL"},
		func(k keyResult) []string {
			return []string{k.ID, timeText(k.Created), timeText(k.Retired), timeText(k.VerifyUntil)}
		},
	})
}

// Run rotates the signing key. Servers that run sign with it within half a
// minute.
func (cmd *keyRotate) Run(ctx context.Context, c console) error {
	return cmd.with(ctx, c, changes, func(p *parts) error {
		if err := p.oauth.RotateKey(ctx); err != nil {
			return err
		}
		return p.printKeys(ctx, c, cmd.output)
	})
}
