-- Where the n-th user or group of an organisation is: numbers by ranges of ids. A page by
-- index then adds up some hundred ranges and counts its way within one, and not along the
-- index of everybody.
--
-- Ranges follow the counts: a change of a count now says of whom it is, and what folds
-- changes into the counts adds them to the ranges. A change that does not say it is of a
-- server of the release before, or of many. Then, or when such a server has folded changes
-- and told no range, the ranges are made anew: it takes away all rows of count_changes, and
-- with them a row that counts nothing and says that the ranges are right.

-- +goose Up

alter table count_changes add column resource_id uuid; -- null: unknown, or several

create table count_ranges (
  org_id  bigint not null,
  kind    smallint not null, -- 1 users, 3 groups
  from_id uuid   not null,   -- the range ends where the next one begins
  n       bigint not null,
  active  bigint not null,   -- how many of them are active users
  primary key (org_id, kind, from_id)
) with (fillfactor = 50);    -- the last one changes every few seconds, in place

-- +goose Down
-- Migrations only go forward.
