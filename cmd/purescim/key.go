package main

import (
	"context"
	"time"
)

type keyCommands struct {
	List   keyList   `cmd:"" help:"List the keys."`
	Rotate keyRotate `cmd:"" help:"Sign new tokens with a new key. Tokens that were issued stay good."`
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
	return cmd.quiet().with(ctx, c, func(p *parts) error { return p.printKeys(ctx, c, cmd.output) })
}

// keyResult is what a program reads of a key: never the key itself.
type keyResult struct {
	ID          string     `json:"kid"`
	Created     *time.Time `json:"created"`
	Retired     *time.Time `json:"retired"`
	VerifyUntil *time.Time `json:"verifies_until"`
}

// printKeys lists the keys, the newest last. One that is retired signs nothing
// and verifies until the last of its tokens has ended.
func (p *parts) printKeys(ctx context.Context, c console, o output) error {
	keys, err := p.oauth.SigningKeys(ctx)
	if err != nil {
		return err
	}
	results := make([]keyResult, len(keys))
	for i, k := range keys {
		results[i] = keyResult{ID: k.ID, Created: timeJSON(k.Created), Retired: timeJSON(k.Retired)}
		if !k.Retired.IsZero() {
			results[i].VerifyUntil = timeJSON(k.VerifyUntil)
		}
	}
	return printList(o, c.out, results, []string{"KID", "CREATED", "RETIRED", "VERIFIES UNTIL"}, func(k keyResult) []string {
		row := []string{k.ID}
		for _, at := range []*time.Time{k.Created, k.Retired, k.VerifyUntil} {
			if at == nil {
				at = new(time.Time)
			}
			row = append(row, timeText(*at))
		}
		return row
	})
}

// Run rotates the signing key. Servers that run sign with it within half a
// minute.
func (cmd *keyRotate) Run(ctx context.Context, c console) error {
	return cmd.quiet().with(ctx, c, func(p *parts) error {
		if err := p.oauth.RotateKey(ctx); err != nil {
			return err
		}
		return p.printKeys(ctx, c, cmd.output)
	})
}
