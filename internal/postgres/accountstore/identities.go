package accountstore

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/accounts"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/postgres/db"
	"github.com/purescim/purescim/internal/postgres/logstore"
	"github.com/purescim/purescim/internal/postgres/pgerr"
	"github.com/purescim/purescim/internal/postgres/pool"
	"github.com/purescim/purescim/internal/provisioning"
	"github.com/purescim/purescim/internal/scim"
)

// SecretPlace is where the client secret of a provider is kept, as it is sealed for.
func SecretPlace(provider uuid.UUID) string {
	return "console_providers/" + provider.String() + "/secret"
}

// providerColumns are what providerFields takes.
const providerColumns = `p.id, p.org_id, p.name, p.issuer, p.client_id, p.added_by, p.created_at`

func providerFields(p *accounts.Provider) []any {
	return []any{&p.ID, (*db.NullInt)(&p.Org), &p.Name, &p.Issuer, &p.ClientID, &p.By, &p.Created}
}

var (
	insertProvider = db.New(`
insert into console_providers (id, org_id, name, issuer, client_id, secret, added_by, created_at)
select @id, @org::bigint, @name, @issuer, @client, @secret, @by, @created
where  (select count(*) from console_providers p where p.org_id is not distinct from @org::bigint) < @most
on conflict (org_id, issuer) do nothing`)
	existsProvider  = db.New(`select exists (select from console_providers p where p.org_id is not distinct from @org and p.issuer = @issuer)`)
	selectProviders = db.New(`
select ` + providerColumns + `
from   console_providers p
where  p.org_id is not distinct from @org
order  by p.name, p.id`)
	selectOffered = db.New(`
select ` + providerColumns + `
from   console_providers p
where  p.org_id is null or (select count(*) from (select from orgs limit 2) o) = 1
order  by p.org_id nulls first, p.name, p.id`)
	selectProvider = db.New(`select ` + providerColumns + `, p.secret from console_providers p where p.id = @id`)
	deleteProvider = db.New(`
delete from console_providers p
where  p.id = @id and p.org_id is not distinct from @org
returning ` + providerColumns)
	endProviderSessions = db.New(`
delete from console_sessions n
using  console_identities i
where  i.id = n.identity_id and i.provider_id = @id
returning n.account_id`)
)

// AddProvider implements accounts.Store.
func (s *Store) AddProvider(ctx context.Context, p accounts.Provider) error {
	err := s.pool.Of(p.Org).InTx(ctx, pool.Nothing, func(tx pgx.Tx) error {
		secret := s.keys.SealText(SecretPlace(p.ID), p.Secret)
		tag, err := insertProvider.With(
			db.Named("id", db.ID(p.ID)), db.Named("org", db.NullInt(p.Org)), db.Named("name", p.Name), db.Named("issuer", p.Issuer),
			db.Named("client", p.ClientID), db.Named("secret", secret), db.Named("by", p.By), db.Named("created", p.Created),
			db.Named("most", accounts.MaxProviders),
		).Exec(ctx, tx)
		if err != nil {
			return err
		}
		if tag.RowsAffected() > 0 {
			return s.logProvider(ctx, tx, provisioning.Create, p)
		}
		var known bool
		if err := existsProvider.With(db.Named("org", db.NullInt(p.Org)), db.Named("issuer", p.Issuer)).QueryRow(ctx, tx).Scan(&known); err != nil {
			return err
		}
		if known {
			return scim.Conflict("people sign in by the issuer %s already; remove that provider to add it with another client", p.Issuer)
		}
		return scim.Conflict("there are %d providers at most; remove one that is not used any more", accounts.MaxProviders)
	})
	return pgerr.Wrap("add provider", err)
}

// logProvider tells the log of the organisation, if the provider is of one.
func (s *Store) logProvider(ctx context.Context, tx pgx.Tx, operation provisioning.Operation, p accounts.Provider) error {
	if p.Org == accounts.Everywhere {
		return nil
	}
	values := logstore.Values{"name": p.Name, "issuer": p.Issuer, "clientId": p.ClientID}
	changes := values.Since(nil)
	if operation == provisioning.Delete {
		changes = nil
	}
	target := provisioning.Target{Type: provisioning.Issuer, ID: p.ID, Name: p.Name}
	return logstore.InsertChange(ctx, tx, s.pool.Clock, int64(p.Org), operation, target, changes)
}

// Providers implements accounts.Store.
func (s *Store) Providers(ctx context.Context, o org.ID) ([]accounts.Provider, error) {
	return s.providers(ctx, o, selectProviders.With(db.Named("org", db.NullInt(o))))
}

// OfferedProviders implements accounts.Store.
func (s *Store) OfferedProviders(ctx context.Context) ([]accounts.Provider, error) {
	return s.providers(ctx, accounts.Everywhere, selectOffered.With())
}

func (s *Store) providers(ctx context.Context, o org.ID, read db.Bound) ([]accounts.Provider, error) {
	all, err := db.Collect(ctx, s.pool.Of(o), read, func(row pgx.CollectableRow) (p accounts.Provider, err error) {
		err = row.Scan(providerFields(&p)...)
		return p, err
	})
	return all, pgerr.Wrap("list providers", err)
}

// Provider implements accounts.Store.
func (s *Store) Provider(ctx context.Context, id uuid.UUID) (p accounts.Provider, err error) {
	var secret string
	err = selectProvider.With(db.Named("id", db.ID(id))).QueryRow(ctx, s.pool.OfNone()).Scan(append(providerFields(&p), &secret)...)
	if err == nil {
		p.Secret, err = s.keys.OpenText(SecretPlace(id), secret)
	}
	return p, pgerr.Wrap("read provider", noAccount(err))
}

// RemoveProvider implements accounts.Store. Its identities go with it; a session that one of
// them begins meanwhile is not found.
func (s *Store) RemoveProvider(ctx context.Context, o org.ID, id uuid.UUID) error {
	err := s.pool.Of(o).InRetriedTx(ctx, func(tx pgx.Tx) error {
		people, err := db.Collect(ctx, tx, endProviderSessions.With(db.Named("id", db.ID(id))), pgx.RowTo[uuid.UUID])
		if err == nil {
			err = s.auth.EndPersonal(ctx, tx, people...)
		}
		if err != nil {
			return err
		}
		var p accounts.Provider
		if err := deleteProvider.With(db.Named("id", db.ID(id)), db.Named("org", db.NullInt(o))).QueryRow(ctx, tx).Scan(providerFields(&p)...); err != nil {
			return noAccount(err)
		}
		return s.logProvider(ctx, tx, provisioning.Delete, p)
	})
	return pgerr.Wrap("remove provider", err)
}

// identityColumns are what identityFields takes.
const identityColumns = `i.id, i.provider_id, p.name, i.subject, i.created_at, i.used_at`

func identityFields(i *accounts.Identity) []any {
	return []any{&i.ID, &i.Provider, &i.Name, &i.Subject, &i.Created, (*db.NullTime)(&i.Used)}
}

var (
	selectIdentity = db.New(`
select ` + identityColumns + `, ` + accountColumns + `
from   console_identities i
join   console_providers p on p.id = i.provider_id
join   console_accounts a on a.id = i.account_id
where  i.provider_id = @provider and i.subject = @subject`)
	selectIdentities = db.New(`
select ` + identityColumns + `
from   console_identities i
join   console_providers p on p.id = i.provider_id
where  i.account_id = @account
order  by i.created_at, i.id`)
	insertIdentity = db.New(`
insert into console_identities (id, provider_id, account_id, subject, created_at)
values (@id, @provider, @account, @subject, @created)
on conflict do nothing`)
	existsSubject       = db.New(`select exists (select from console_identities i where i.provider_id = @provider and i.subject = @subject)`)
	endIdentitySessions = db.New(`delete from console_sessions n where n.identity_id = @id`)
	deleteIdentity      = db.New(`delete from console_identities i where i.account_id = @account and i.id = @id`)
	deleteIdentityAt    = db.New(`delete from console_identities i where i.account_id = @account and i.provider_id = @provider`)
	deleteIdentities    = db.New(`
delete from console_identities i
using  console_providers p
where  p.id = i.provider_id and i.account_id = @account
returning p.name`)
	useIdentity = db.New(`update console_identities i set used_at = @at where i.id = @id`)
)

// Identity implements accounts.Store.
func (s *Store) Identity(ctx context.Context, provider uuid.UUID, subject string) (i accounts.Identity, a accounts.Account, err error) {
	err = selectIdentity.With(db.Named("provider", db.ID(provider)), db.Named("subject", logstore.Storable(subject))).QueryRow(ctx, s.pool.OfNone()).
		Scan(append(identityFields(&i), accountFields(&a)...)...)
	return i, a, pgerr.Wrap("read identity", noAccount(err))
}

// Identities implements accounts.Store.
func (s *Store) Identities(ctx context.Context, a accounts.Account) ([]accounts.Identity, error) {
	all, err := db.Collect(ctx, s.pool.Of(a.Org), selectIdentities.With(db.Named("account", db.ID(a.ID))), scanIdentity)
	return all, pgerr.Wrap("list identities", err)
}

func scanIdentity(row pgx.CollectableRow) (i accounts.Identity, err error) {
	err = row.Scan(identityFields(&i)...)
	return i, err
}

// AddIdentity implements accounts.Store.
func (s *Store) AddIdentity(ctx context.Context, a accounts.Account, i accounts.Identity) error {
	err := s.pool.Of(a.Org).InTx(ctx, pool.Nothing, func(tx pgx.Tx) error { return s.addIdentity(ctx, tx, a, i) })
	return pgerr.Wrap("add identity", err)
}

func (s *Store) addIdentity(ctx context.Context, tx pgx.Tx, a accounts.Account, i accounts.Identity) error {
	ctx = byThemselves(ctx, a.Login)
	tag, err := insertIdentity.With(
		db.Named("id", db.ID(i.ID)), db.Named("provider", db.ID(i.Provider)), db.Named("account", db.ID(a.ID)),
		db.Named("subject", logstore.Storable(i.Subject)), db.Named("created", i.Created),
	).Exec(ctx, tx)
	switch {
	case pgerr.Violates(err, pgerr.ForeignKeyViolation, "console_identities_provider_id_fkey"),
		pgerr.Violates(err, pgerr.ForeignKeyViolation, "console_identities_account_id_fkey"):
		return accounts.ErrNotFound
	case err != nil:
		return err
	case tag.RowsAffected() > 0:
		return s.logWay(ctx, tx, a, provisioning.Change{Attribute: "signIn", After: i.Name})
	}
	var taken bool
	if err := existsSubject.With(db.Named("provider", db.ID(i.Provider)), db.Named("subject", logstore.Storable(i.Subject))).QueryRow(ctx, tx).Scan(&taken); err != nil {
		return err
	}
	if taken {
		return scim.Conflict("whom you are at %s signs in to an account here already, and to one only", i.Name)
	}
	return scim.Conflict("%s knows the account as somebody else; its owner removes that under Your account, or an owner of the organisation invites again", i.Name)
}

// byThemselves has the log tell of what somebody does who signs in as done by them: the
// request has nobody yet.
func byThemselves(ctx context.Context, login string) context.Context {
	o := provisioning.OriginOf(ctx)
	if o.Actor.Type != provisioning.Server && o.Actor.Type != "" {
		return ctx
	}
	o.Actor = provisioning.Actor{Type: provisioning.Person, Name: login}
	return provisioning.WithOrigin(ctx, &o)
}

// logWay tells the log what has become of a way to sign in.
func (s *Store) logWay(ctx context.Context, tx pgx.Tx, a accounts.Account, c provisioning.Change) error {
	return s.logAccount(ctx, tx, provisioning.Update, a, []provisioning.Change{c})
}

// RemoveIdentity implements accounts.Store.
func (s *Store) RemoveIdentity(ctx context.Context, a accounts.Account, id uuid.UUID) error {
	err := s.pool.Of(a.Org).InRetriedTx(ctx, func(tx pgx.Tx) error {
		all, err := db.Collect(ctx, tx, selectIdentities.With(db.Named("account", db.ID(a.ID))), scanIdentity)
		if err != nil {
			return err
		}
		tag, err := deleteIdentity.With(db.Named("account", db.ID(a.ID)), db.Named("id", db.ID(id))).Exec(ctx, tx)
		if err == nil && tag.RowsAffected() == 0 {
			err = accounts.ErrNotFound
		}
		if err == nil {
			_, err = endIdentitySessions.With(db.Named("id", db.ID(id))).Exec(ctx, tx)
		}
		if err == nil {
			err = s.auth.EndPersonal(ctx, tx, a.ID)
		}
		if err != nil {
			return err
		}
		name := ""
		for _, i := range all {
			if i.ID == id {
				name = i.Name
			}
		}
		return s.logWay(ctx, tx, a, provisioning.Change{Attribute: "signIn", Before: name})
	})
	return pgerr.Wrap("remove identity", err)
}

// replaceIdentity gives an account that was invited an identity in place of what the provider
// knew it as before.
func (s *Store) replaceIdentity(ctx context.Context, tx pgx.Tx, a accounts.Account, as *accounts.Identity) error {
	if as == nil {
		return nil
	}
	if _, err := deleteIdentityAt.With(db.Named("account", db.ID(a.ID)), db.Named("provider", db.ID(as.Provider))).Exec(ctx, tx); err != nil {
		return err
	}
	return s.addIdentity(ctx, tx, a, *as)
}
