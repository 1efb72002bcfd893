-- +goose NO TRANSACTION
-- How many good tokens a client has is counted before it gets another, and who asked
-- for each tells which may end to make room. A server of before writes neither: its
-- tokens count as an administrator's and are left alone.

-- +goose Up

-- administrator: made by hand, and pasted somewhere; client: asked for at /oauth/token
-- by a program, which can ask again; issuer: of a trusted issuer, recorded at its first
-- use, and again when it is used after it was forgotten.
alter table access_tokens add column if not exists origin text not null default 'administrator'
  check (origin in ('administrator', 'client', 'issuer'));

-- Only a program has an address. Tokens that have ended make room for nothing.
update access_tokens
set    origin = 'client'
where  issued_to <> '' and origin = 'administrator' and revoked_at is null and expires_at > now();

-- Counts those of one client without its tokens that have ended, which are listed for a
-- week more. Marking a use changes no column of it and stays heap-only.
drop index concurrently if exists access_tokens_live;
create index concurrently access_tokens_live on access_tokens (org_id, client_id, expires_at) where revoked_at is null;

-- +goose Down
-- Migrations only go forward.
