-- +goose NO TRANSACTION
-- A token that was renewed ends by itself: with the first use of its successor, or at a
-- time. A server of the release before goes on without the columns, and ends none.
--
-- The indexes hold only tokens that wait for their end, of which there are few. They are
-- built beside the traffic.

-- +goose Up

alter table access_tokens add column if not exists successor uuid;
alter table access_tokens add column if not exists ends_at timestamptz;
drop index concurrently if exists access_tokens_succeeded;
create index concurrently access_tokens_succeeded on access_tokens (org_id, successor) where successor is not null and revoked_at is null;
drop index concurrently if exists access_tokens_ending;
create index concurrently access_tokens_ending on access_tokens (org_id, ends_at) where ends_at is not null and revoked_at is null;

-- +goose Down
-- Migrations only go forward.
