package openid

import "time"

// Patience has a Party wait for each answer as long, and tells how long it waited before.
func (p *Party) Patience(of time.Duration) (before time.Duration) {
	before, p.client.Timeout = p.client.Timeout, of
	return before
}
