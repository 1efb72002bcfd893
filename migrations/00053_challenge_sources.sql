-- From which address a browser was asked: who begins a sign-in has shown nothing yet, so
-- that one address may have few challenges that wait, and pushes out its own alone. The
-- table has 10,000 rows at most, and needs no index for that. What a server of the release
-- before adds counts as of one address without a name.

-- +goose Up

alter table console_challenges add column source text not null default '';

-- +goose Down
-- Migrations only go forward.
