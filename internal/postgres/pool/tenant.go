package pool

import "github.com/purescim/purescim/internal/org"

// Tenant is what one organisation has of the database: its id, which is the first argument
// of each statement, and its share of the connections.
type Tenant struct {
	*Pool
	DB  Share
	Org int64
}

// Tenant gives what an organisation has. Whether it exists is not checked: one that does
// not has no data.
func (p *Pool) Tenant(o org.ID) Tenant { return Tenant{Pool: p, DB: p.Of(o), Org: int64(o)} }
