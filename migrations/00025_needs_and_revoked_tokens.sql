-- +goose NO TRANSACTION
-- Two additions, beside which the program of the release before goes on.

-- +goose Up

-- Which migration a program must know to serve this database. A program that does not know
-- all that were applied goes on beside them, since they only add; one that takes something
-- away which older programs use adds a row with the number of the migration that such
-- programs do not know. Those do not start then, and are not ready if they run.
create table if not exists schema_needs (
  needed bigint primary key
);
insert into schema_needs (needed) values (25) on conflict do nothing;

-- A program that revokes each of its tokens leaves a row of each until a week after it
-- would have ended, which may be 450 days. Of the revoked tokens of a client the newest
-- 1,000 are kept; this index finds those beyond, without the many that have just ended.
-- A server of before takes none away, and is not harmed by what is gone: a token of
-- ours that has no row is refused.
drop index concurrently if exists access_tokens_revoked;
create index concurrently access_tokens_revoked on access_tokens (org_id, client_id, id) where revoked_at is not null;

-- +goose Down
-- Migrations only go forward.
