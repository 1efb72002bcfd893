package postgres

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/oauth"
	"github.com/purescim/purescim/internal/org"
)

var _ oauth.Store = Registry{}

const insertClient = `
insert into oauth_clients (org_id, client_id, name, secret_hash, validity_seconds, state, created_at)
values ($1, $2, $3, $4, $5, $6, $7)`

// CreateClient implements oauth.Store.
func (r Registry) CreateClient(ctx context.Context, c oauth.Client) error {
	_, err := r.store.pool.Exec(ctx, insertClient,
		int64(c.Org), uid(c.ID), c.Name, c.SecretHash, int64(c.Validity/time.Second), string(c.State), c.Created)
	return wrap("create client", err)
}

// selectClient finds a client by its id alone: a token request names no organisation.
const selectClient = `
select client_id, org_id, name, secret_hash, validity_seconds, state, created_at
from   oauth_clients
where  client_id = $1`

// Client implements oauth.Store.
func (r Registry) Client(ctx context.Context, id uuid.UUID) (oauth.Client, error) {
	rows, err := r.store.pool.Query(ctx, selectClient, uid(id))
	if err != nil {
		return oauth.Client{}, wrap("read client", err)
	}
	c, err := pgx.CollectExactlyOneRow(rows, scanClient)
	return c, wrap("read client", noRows(err))
}

func scanClient(row pgx.CollectableRow) (c oauth.Client, err error) {
	var o, seconds int64
	var state string
	err = row.Scan(&c.ID, &o, &c.Name, &c.SecretHash, &seconds, &state, &c.Created)
	c.Org, c.Validity, c.State, c.Created = org.ID(o), time.Duration(seconds)*time.Second, oauth.State(state), c.Created.UTC()
	return c, err
}

const selectSigningKeys = `
select kid, private_key, created_at
from   signing_keys
order  by created_at, kid`

// SigningKeys implements oauth.Store.
func (r Registry) SigningKeys(ctx context.Context) ([]oauth.Key, error) {
	rows, err := r.store.pool.Query(ctx, selectSigningKeys)
	if err != nil {
		return nil, wrap("list signing keys", err)
	}
	keys, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (k oauth.Key, err error) {
		err = row.Scan(&k.ID, &k.Private, &k.Created)
		k.Created = k.Created.UTC()
		return k, err
	})
	return keys, wrap("list signing keys", err)
}

const insertSigningKey = `
insert into signing_keys (kid, private_key, created_at)
values ($1, $2, $3)`

// AddSigningKey implements oauth.Store.
func (r Registry) AddSigningKey(ctx context.Context, k oauth.Key) error {
	_, err := r.store.pool.Exec(ctx, insertSigningKey, k.ID, k.Private, k.Created)
	return wrap("add signing key", err)
}
