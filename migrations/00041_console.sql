-- Who uses the console: people with a role in all organisations (org_id is null) or in
-- one, the links that invite them, and their sessions. Secrets of links and sessions are
-- here as their hashes, passwords as argon2id.
--
-- A sign-in, a link and a cookie are looked up before an organisation is known, so the
-- keys do not begin with it, as those of oauth_clients do not. The tables are small.

-- +goose Up

create table console_accounts (
  id           uuid primary key,
  org_id       bigint references orgs on delete cascade,
  login        text not null,
  login_key    text collate "C" not null, -- folded
  role         text not null,
  password     text not null,
  created_at   timestamptz not null,
  signed_in_at timestamptz
);
create unique index console_accounts_login on console_accounts (login_key);
create index console_accounts_org on console_accounts (org_id);

create table console_invitations (
  id         uuid primary key,
  hash       bytea not null,
  org_id     bigint references orgs on delete cascade,
  login      text not null,
  role       text not null,
  invited_by text not null,
  first      boolean not null, -- good only while there is no account
  created_at timestamptz not null,
  expires_at timestamptz not null
);
create unique index console_invitations_hash on console_invitations (hash);
create index console_invitations_org on console_invitations (org_id);

create table console_sessions (
  id         uuid primary key,
  hash       bytea not null,
  account_id uuid not null references console_accounts on delete cascade,
  created_at timestamptz not null,
  used_at    timestamptz not null,
  address    text not null,
  agent      text not null
);
create unique index console_sessions_hash on console_sessions (hash);
create index console_sessions_account on console_sessions (account_id);
create index console_sessions_used on console_sessions (used_at);
