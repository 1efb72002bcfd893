-- Links by which somebody without an account sees how one connection is set up: they are
-- opened once, by one browser, which then sees that wizard and nothing else until the link
-- ends. Link and browser are found before an organisation is known, as sessions are.

-- +goose Up

create table console_setups (
  id           uuid primary key,
  hash         bytea not null, -- of the link
  session_hash bytea,          -- of the browser that has opened it
  org_id       bigint not null references orgs on delete cascade,
  client_id    uuid not null references oauth_clients on delete cascade,
  client_name  text not null,
  guide        text not null,
  made_by      text not null,
  created_at   timestamptz not null,
  expires_at   timestamptz not null,
  opened_at    timestamptz
);
create unique index console_setups_hash on console_setups (hash);
create unique index console_setups_session on console_setups (session_hash);
create index console_setups_client on console_setups (org_id, client_id);
