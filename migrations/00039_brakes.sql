-- Brakes: a client that deactivates or deletes many users within an hour, or removes many
-- members from a group, is held until somebody looks at it. A server of the release before
-- neither counts nor holds.

-- +goose Up

-- Up to which percentage of the users, or of a group's members, a client may go within an
-- hour (0 is no brake), and how many it may remove whatever percentage that is. Constant
-- defaults rewrite no row, and a server of the release before goes on without the columns.
alter table orgs
  add column brake_users         integer not null default 25,
  add column brake_users_least   integer not null default 50,
  add column brake_members       integer not null default 50,
  add column brake_members_least integer not null default 100;

-- How many users a client has deactivated or deleted in five minutes (target_id all zeros),
-- or how many members it has removed from a group. The row is written by the transaction
-- that removes, so that it counts if that is done and else not. Removals of users lie in
-- several slots, so that they do not wait for each other; those of a group's members follow
-- each other anyway.
create table brake_counts (
  org_id    bigint not null,
  client_id uuid not null,
  target_id uuid not null,
  began_at  timestamptz not null,
  slot      smallint not null,
  n         bigint not null,
  primary key (org_id, client_id, target_id, began_at, slot)
) with (fillfactor = 50);

-- What is held of a client, and what was decided about it: one row for each client and
-- target, the last.
create table holds (
  org_id    bigint not null,
  client_id uuid not null,
  target_id uuid not null,
  id        uuid not null,
  state     text not null check (state in ('held', 'released', 'rejected')),
  held_at   timestamptz not null,
  last_at   timestamptz not null,  -- when the client tried last
  attempts  bigint not null,
  removed   bigint not null,       -- within the hour, before it was held
  most      bigint not null,       -- that it might remove
  until_at  timestamptz,           -- when the decision ends; null is that there is none
  primary key (org_id, client_id, target_id)
);
create unique index holds_id on holds (org_id, id);

-- +goose Down
-- Migrations only go forward.
