-- How many days an organisation keeps users who were deleted, so that they may come back.
-- A constant default rewrites no row, and a server of the release before goes on without
-- the column, and forgets nobody.

-- +goose Up

alter table orgs add column deleted_user_days integer not null default 400;
