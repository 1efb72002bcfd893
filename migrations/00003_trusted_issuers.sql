-- Other issuers whose tokens are trusted, and clients that sign in with a key.

-- +goose Up

-- What a token must say to be accepted, and for which client. Its issuer is looked
-- up before the organisation is known, among those of all: small and replicated.
create table trusted_issuers (
  org_id        bigint not null,
  id            uuid not null,
  client_id     uuid not null,
  issuer        text collate "C" not null,
  audience      text collate "C" not null,
  tenant        text collate "C" not null, -- empty when the issuer has none
  subject_claim text collate "C" not null,
  subject       text collate "C" not null,
  keys_url      text not null,
  created_at    timestamptz not null,
  primary key (org_id, id)
);
-- Across organisations, so that a token is for one of them only.
create unique index trusted_issuers_pins on trusted_issuers (issuer, audience, tenant, subject_claim, subject);

alter table oauth_clients
  add column jwks     text, -- its public keys, a JWK Set
  add column jwks_uri text; -- or where it publishes them

-- Assertions that were used, until they expire.
create table client_assertions (
  org_id     bigint not null,
  client_id  uuid not null,
  hash       bytea not null, -- SHA-256 of the jti
  expires_at timestamptz not null,
  primary key (org_id, client_id, hash)
);
create index client_assertions_ended on client_assertions (org_id, expires_at);

-- +goose Down
-- Migrations only go forward.
