-- All tokens are recorded: no server that issued others was ever released.

-- +goose Up

alter table oauth_clients drop column unrecorded_tokens;

-- +goose Down
-- Migrations only go forward.
