-- Passkeys of who uses the console, and challenges: what a browser was asked when a sign-in
-- began that ends in another request.
--
-- Of a passkey the public key is here and nothing that could be used in its place. Whoever
-- signs in with one names nobody, so it is found by the id that its authenticator has given
-- it. A challenge is taken away by the request that answers it, so that an answer is good
-- once, on whichever server; nobody has an account yet when a sign-in begins.

-- +goose Up

create table console_passkeys (
  id          uuid primary key,
  account_id  uuid not null references console_accounts on delete cascade,
  credential  bytea not null,  -- the authenticator's id of it
  public_key  bytea not null,  -- a COSE key
  flags       smallint not null, -- of the authenticator, as it last gave them
  counter     bigint not null, -- how often it has signed, if it counts
  name        text not null,
  created_at  timestamptz not null,
  used_at     timestamptz,
  copied_at   timestamptz      -- when its counter went back
);
create unique index console_passkeys_credential on console_passkeys (credential);
create index console_passkeys_account on console_passkeys (account_id);

create table console_challenges (
  hash       bytea primary key, -- of what the answer names
  purpose    text not null,
  account_id uuid references console_accounts on delete cascade,
  asked      text not null, -- what an answer is compared with
  expires_at timestamptz not null
);
create index console_challenges_account on console_challenges (account_id);
create index console_challenges_expires on console_challenges (expires_at);
