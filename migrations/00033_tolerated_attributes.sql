-- +goose NO TRANSACTION
-- Which attributes of users may be wrong: their wrong values are left out with a warning,
-- instead of refusing the user. The manager is one from the start, because Okta sends the
-- number of the personnel system there. A constant default rewrites no row, and a server
-- of the release before goes on without the column.
--
-- The index tells of an id that nobody has whether it is that of a deleted user, which is
-- what an administrator is told then. It is built beside the traffic.

-- +goose Up

alter table orgs add column if not exists tolerated text[] not null default '{manager}';
drop index concurrently if exists deleted_users_id;
create index concurrently deleted_users_id on deleted_users (org_id, id);
