-- Loops: a client that asks for the same again and again without changing anything, or
-- that changes an attribute to and fro, keeps itself and the server busy until somebody
-- mends its mapping. A server of the release before counts none.

-- +goose Up

-- How many times a day is too often; 0 lists nothing. A constant default rewrites no row.
alter table orgs add column loop_limit integer not null default 24;

-- How often in an hour, as one server counted it. Servers keep what happens once or twice
-- in memory alone, so that rows are few whatever an organisation has; they are kept for a
-- day. The row is updated once a second at most and has no other index.
create table provisioning_loops (
  org_id      bigint not null,
  client_id   uuid not null,
  target_id   uuid not null,
  kind        text not null check (kind in ('repeat', 'flip')),
  what        text not null,  -- the attribute that flips; of a repeated change of a group, a digest of the request
  began_at    timestamptz not null,
  server      uuid not null,  -- made anew by each process
  target_type text not null,
  n           bigint not null,
  last_at     timestamptz not null,
  spellings   text not null,  -- JSON: attributes, what is sent and what is kept
  primary key (org_id, client_id, target_id, kind, what, began_at, server)
) with (fillfactor = 50);

-- +goose Down
-- Migrations only go forward.
