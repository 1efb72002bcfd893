-- From where a request came that is carried out later, and by which identity system, for the
-- entries of what it changes. A server of the release before leaves both out.

-- +goose Up

alter table async_requests add column address text, add column identity_system text;

-- +goose Down
-- Migrations only go forward.
