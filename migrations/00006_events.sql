-- Security Event Tokens (RFC 9967): what an organisation wants to be told, and what
-- is still to be told.

-- +goose Up

-- Every server reads all streams four times a second, to know without asking
-- whether a change is to be told: small and replicated.
create table event_streams (
  org_id      bigint primary key,
  method      text not null check (method in ('push', 'poll')),
  endpoint    text not null,
  credential  text not null, -- the Authorization header of pushes: clear, because it is sent
  audience    text not null,
  form        text not null check (form in ('notice', 'full')),
  kinds       text[] not null,
  group_id    uuid not null, -- only this group and its members; all zeros: everything
  status      text not null check (status in ('enabled', 'paused', 'disabled')),
  created_at  timestamptz not null,
  modified_at timestamptz not null
);

-- One row for each stream. Whoever writes events holds it until the commit, so
-- that their numbers are the order of the commits, without a gap.
create table event_progress (
  org_id       bigint primary key,
  last_seq     bigint not null default 0,
  holder       uuid, -- which server delivers
  held_until   timestamptz,
  failures     integer not null default 0,
  fault        text not null default '',
  retry_at     timestamptz,
  delivered_at timestamptz
) with (fillfactor = 50);

-- Events until they are delivered, and those that cannot be.
create table events (
  org_id    bigint not null,
  id        uuid not null, -- the jti of its token
  seq       bigint not null,
  made_at   timestamptz not null,
  queued_at timestamptz not null,
  dead_at   timestamptz,
  fault     text not null default '',
  claims    text not null, -- JSON: sub_id, txn and events
  primary key (org_id, id)
);
create unique index events_pending on events (org_id, seq) where dead_at is null;
create index events_dead on events (org_id, seq) where dead_at is not null;

-- +goose Down
-- Migrations only go forward.
