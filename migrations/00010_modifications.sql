-- When users and groups were last modified, in that order: for lists sorted by
-- meta.lastModified and for filters on it, such as those of imports that ask what has
-- changed since the last one.

-- +goose Up

-- The times of users and groups themselves stay without an index, or no update of them
-- would be heap-only. So each has a narrow row here, which moves in the statement that
-- changes the resource. Its index is written each time; a dozen others are not.
create table modifications (
  org_id      bigint not null,
  kind        smallint not null, -- 1 users, 2 groups
  modified_at timestamptz not null, -- that of the resource
  id          uuid not null
) with (
  fillfactor = 90, -- the page of the row that moved away is in memory: let the new one find room there
  -- Rows die as fast as resources change, and those who read by time step over what
  -- dead ones leave in the index: vacuum before they are many.
  autovacuum_vacuum_scale_factor = 0.02,
  autovacuum_vacuum_cost_delay   = 0
);

-- A server of the version before knows nothing of these rows and would not move them:
-- it must have been stopped. What it has begun is waited for, and what it still tries
-- waits, so that nothing is missed here. Whoever writes both writes groups first.
lock table groups, users in share mode;

insert into modifications (org_id, kind, modified_at, id)
select org_id, 1, modified_at, id from users
union all
select org_id, 2, modified_at, id from groups
order  by 1, 2, 3, 4;
alter table modifications add primary key (org_id, kind, modified_at, id);
analyze modifications;

-- +goose Down
-- Migrations only go forward.
