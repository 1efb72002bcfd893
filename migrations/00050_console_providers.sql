-- OpenID providers by which people sign in to the console, and as whom.
--
-- A provider is an organisation's, or the operator's (org_id is null); it signs in accounts
-- of the same organisation and no others. Who its users are is said by their subject, which
-- never changes and is given to nobody else, as e-mail addresses may be. An account has one
-- subject of a provider at most, so that the address of who has left, given to somebody
-- else there, does not open the account.
--
-- A session knows by which identity it began: it ends with it. There is no foreign key for
-- that, since on a cluster the table of sessions is distributed already; who looks a session
-- up asks for its identity.

-- +goose Up

create table console_providers (
  id         uuid primary key,
  org_id     bigint references orgs on delete cascade,
  name       text not null,
  issuer     text not null,
  client_id  text not null,
  secret     text not null, -- sealed, if there are keys
  added_by   text not null,
  created_at timestamptz not null
);
create unique index console_providers_issuer on console_providers (org_id, issuer) nulls not distinct;

create table console_identities (
  id          uuid primary key,
  provider_id uuid not null references console_providers on delete cascade,
  account_id  uuid not null references console_accounts on delete cascade,
  subject     text collate "C" not null,
  created_at  timestamptz not null,
  used_at     timestamptz
);
create unique index console_identities_subject on console_identities (provider_id, subject);
create unique index console_identities_provider on console_identities (provider_id, account_id);
create index console_identities_account on console_identities (account_id);

alter table console_sessions add column identity_id uuid;
