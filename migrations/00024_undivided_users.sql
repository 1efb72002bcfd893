-- +goose NO TRANSACTION
-- Each user is in a division from now on, unless the organisation is strict: who has
-- none is in Home. Servers write that into the users who have none, a few at a time and
-- as a change like any other, because a document is rendered by the server alone. This
-- index tells them who is left, also of those whom a server of the release before still
-- stores. It is built beside the traffic, and nearly empty when they are done: a strict
-- organisation keeps its users in it.

-- +goose Up

drop index concurrently if exists users_undivided;
create index concurrently users_undivided on users (org_id, id) where division_key is null;
