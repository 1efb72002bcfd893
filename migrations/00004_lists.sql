-- +goose NO TRANSACTION
-- What sorted lists and cursors need. Indexes are built beside the traffic, outside of
-- a transaction: each statement can be done again after an interruption.

-- +goose Up

-- A list sorted by externalId has the resources without one too, at its end, and equal
-- ones by id: the index that finds an externalId becomes one that has all rows in that
-- order. Of the other orders, users_display, groups_name and users_name serve those by
-- name, and the primary keys that of creation.
drop index concurrently if exists users_external_sorted;
create index concurrently users_external_sorted on users (org_id, external_id, id);
drop index concurrently if exists users_external;
alter index users_external_sorted rename to users_external;

drop index concurrently if exists groups_external_sorted;
create index concurrently groups_external_sorted on groups (org_id, external_id, id);
drop index concurrently if exists groups_external;
alter index groups_external_sorted rename to groups_external;

-- Secrets of the whole service, without an organisation: small and replicated. Cursors
-- are signed with one, so that each server takes those of the others, after a restart too.
create table if not exists secrets (
  name   text primary key,
  secret bytea not null
);
insert into secrets (name, secret)
values ('cursors', sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())))
on conflict (name) do nothing;

-- +goose Down
-- Migrations only go forward.
