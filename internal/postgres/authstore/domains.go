package authstore

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/oauth"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/postgres/db"
)

// sharedDomain is the domain of the clients of an organisation that had several before
// there were domains: they have set one externalId together.
const sharedDomain = "default"

const (
	lockHome        = `select coalesce(o.home_domain, '') from orgs o where o.org_id = $1 for no key update`
	setHome         = `update orgs set home_domain = $2 where org_id = $1`
	selectDomains   = `select coalesce(c.provisioning_domain, c.client_id::text) from oauth_clients c where c.org_id = $1`
	selectClientIDs = `select c.client_id from oauth_clients c where c.org_id = $1`
	shareDomain     = `update oauth_clients c set provisioning_domain = $2 where c.org_id = $1 and c.provisioning_domain is null`
)

// domainsOf holds the organisation's home and reads the domains of its clients, each as
// often as clients have it. The home is "" while there is no other domain.
func domainsOf(ctx context.Context, tx pgx.Tx, o org.ID) (home string, domains []string, err error) {
	if err := tx.QueryRow(ctx, lockHome, int64(o)).Scan(&home); err != nil {
		return "", nil, noRows(err)
	}
	rows, err := tx.Query(ctx, selectDomains, int64(o))
	if err != nil {
		return "", nil, err
	}
	domains, err = pgx.CollectRows(rows, pgx.RowTo[string])
	return home, domains, err
}

// separateFromNew makes what clients have set of externalId theirs, before another client
// is there.
func (r Store) separateFromNew(ctx context.Context, tx pgx.Tx, o org.ID) error {
	home, domains, err := domainsOf(ctx, tx, o)
	if err != nil || home != "" {
		return err
	}
	return r.separate(ctx, tx, o, domains)
}

// separate gives a home to an organisation that has none: the domain of its only client,
// or else one that all of its clients share. All servers look those clients up again.
func (r Store) separate(ctx context.Context, tx pgx.Tx, o org.ID, domains []string) error {
	if len(domains) == 0 {
		return nil
	}
	home := domains[0]
	if len(domains) > 1 {
		home = sharedDomain
		if _, err := tx.Exec(ctx, shareDomain, int64(o), home); err != nil {
			return err
		}
	}
	if _, err := tx.Exec(ctx, setHome, int64(o), home); err != nil {
		return err
	}
	rows, err := tx.Query(ctx, selectClientIDs, int64(o))
	if err != nil {
		return err
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, insertRevocations, r.pool.Clock.Stamp(), db.IDs(ids))
	return err
}

// moveDomain has a client, which is stored as it was, go to another domain. What it alone
// had at home goes with it, unless the domain has values of others; all other values stay
// with the domain that they were set in. Servers that know the client look it up again.
func (r Store) moveDomain(ctx context.Context, tx pgx.Tx, c oauth.Client, domain string) error {
	home, domains, err := domainsOf(ctx, tx, c.Org)
	if err != nil {
		return err
	}
	count := func(of string) (n int) {
		for _, d := range domains {
			if d == of {
				n++
			}
		}
		return n
	}
	switch {
	case home == "" && len(domains) > 1:
		err = r.separate(ctx, tx, c.Org, domains)
	case home != "" && c.Domain() == home && count(home) == 1 && count(domain) == 0:
		_, err = tx.Exec(ctx, setHome, int64(c.Org), domain)
	}
	if err != nil {
		return err
	}
	return r.record(ctx, tx, c.ID)
}
