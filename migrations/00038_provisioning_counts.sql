-- How provisioning goes: how many requests of each client were done, found nothing to
-- change, were refused and so on, and which users are refused at present.
--
-- Servers count in memory and add to their own rows once a second, so that none waits for
-- another and no request waits at all. A server of the release before counts nothing.

-- +goose Up

-- The requests of a client in ten minutes, as one server counted them. Rows are kept for
-- some days. They are updated often and have no other index, so that updates stay in place.
create table provisioning_counts (
  org_id       bigint not null,
  client_id    uuid not null,
  began_at     timestamptz not null,
  server       uuid not null,  -- made anew by each process
  system       text not null,  -- the product, where it is known
  done         bigint not null,
  unchanged    bigint not null,
  reads        bigint not null,
  refused      bigint not null,
  held         bigint not null,
  failed       bigint not null,
  succeeded_at timestamptz,    -- the last request that was done
  refusal_id   uuid,           -- the last entry of what was refused or held
  primary key (org_id, client_id, began_at, server)
) with (fillfactor = 50);

-- Users of whom the last that a client asked was refused: one row for each, until it is
-- done. The key is the id, or the folded userName of who has none here.
create table refused_users (
  org_id    bigint not null,
  client_id uuid not null,
  user_key  text not null,
  user_id   uuid,
  user_name text not null,
  entry_id  uuid not null,
  primary key (org_id, client_id, user_key)
);

-- +goose Down
-- Migrations only go forward.
