-- +goose NO TRANSACTION

-- The sessions of an identity are ended with it.

-- +goose Up

create index concurrently if not exists console_sessions_identity on console_sessions (identity_id);
