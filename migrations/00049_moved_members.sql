-- In which groups a user was at a time follows from the entries in which the user has come
-- or gone since. Most entries of members tell of one: they are found by the user. Those that
-- tell of several are walked through, and the index leaves out all others. An index of each
-- member of each entry would cost a third of what it takes to add or remove a member.
--
-- No release has had the table: see 00046.

-- +goose Up

create index provisioning_log_moved_one on provisioning_log (org_id, (coalesce(added[1], removed[1])), id)
  where coalesce(cardinality(added), 0) + coalesce(cardinality(removed), 0) = 1;
create index provisioning_log_moved_many on provisioning_log (org_id, id)
  where coalesce(cardinality(added), 0) + coalesce(cardinality(removed), 0) > 1;

-- +goose Down
-- Migrations only go forward.
