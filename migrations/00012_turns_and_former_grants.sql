-- What clients were granted until lately, and whose turn it is with accepted
-- requests. A server of before writes and reads neither; beside it, a client is
-- judged by what it has, and requests are taken by their age.

-- +goose Up

-- What a client might do before its roles, or what one of them permits, became
-- less. Until then nobody takes its secret who may not do as much: roles come back.
create table former_grants (
  org_id      bigint not null,
  client_id   uuid not null,
  id          uuid not null, -- of the change
  permissions text[] not null,
  until       timestamptz not null,
  primary key (org_id, client_id, id)
);
create index former_grants_until on former_grants (org_id, until); -- to take away what has ended

-- The order in which organisations were last served. The least is the next;
-- one without a row comes before all.
create table async_turns (
  org_id bigint primary key,
  turn   bigint not null
);

alter table async_requests
  add column cancelled_at timestamptz; -- set together with finished_at

-- +goose Down
-- Migrations only go forward.
