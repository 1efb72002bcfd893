package authstore

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/oauth"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/postgres/db"
	"github.com/purescim/purescim/internal/postgres/logstore"
)

// sharedDomain is the domain of the clients of an organisation that had several before
// there were domains: they have set one externalId together.
const sharedDomain = "default"

var (
	lockHome        = db.New(`select coalesce(o.home_domain, '') from orgs o where o.org_id = @org for no key update`)
	setHome         = db.New(`update orgs set home_domain = @domain where org_id = @org`)
	selectDomains   = db.New(`select coalesce(c.provisioning_domain, c.client_id::text) from oauth_clients c where c.org_id = @org and not ` + logstore.Personal)
	selectClientIDs = db.New(`select c.client_id from oauth_clients c where c.org_id = @org`)
	shareDomain     = db.New(`update oauth_clients c set provisioning_domain = @domain where c.org_id = @org and c.provisioning_domain is null`)
)

// domainsOf holds the organisation's home and reads the domains of its clients, each as
// often as clients have it. Clients of persons ask from the home, and do not count. The home
// is "" while there is no other domain.
func domainsOf(ctx context.Context, tx pgx.Tx, o org.ID) (home string, domains []string, err error) {
	if err := lockHome.With(db.Org(o)).QueryRow(ctx, tx).Scan(&home); err != nil {
		return "", nil, noRows(err)
	}
	domains, err = db.Collect(ctx, tx, selectDomains.With(db.Org(o)), pgx.RowTo[string])
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
		if _, err := shareDomain.With(db.Org(o), db.Named("domain", home)).Exec(ctx, tx); err != nil {
			return err
		}
	}
	if _, err := setHome.With(db.Org(o), db.Named("domain", home)).Exec(ctx, tx); err != nil {
		return err
	}
	ids, err := db.Collect(ctx, tx, selectClientIDs.With(db.Org(o)), pgx.RowTo[uuid.UUID])
	if err != nil {
		return err
	}
	return r.record(ctx, tx, ids...)
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
		_, err = setHome.With(db.Org(c.Org), db.Named("domain", domain)).Exec(ctx, tx)
	}
	if err != nil {
		return err
	}
	return r.record(ctx, tx, c.ID)
}
