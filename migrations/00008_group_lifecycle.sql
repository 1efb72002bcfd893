-- Whether an organisation lets SCIM clients make and delete groups. Genesys Cloud
-- does not, and so no organisation does until it is set.

-- +goose Up

alter table orgs add column group_lifecycle boolean not null default false;

-- +goose Down
-- Migrations only go forward.
