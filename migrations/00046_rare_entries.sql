-- What is rare in the provisioning log, such as what was done to roles, or that a user was
-- erased, is found without a walk through all of it. What is common has no row in these
-- indexes, so that the entry of a user who is changed and that of members cost little more,
-- some 2 us for each index that PostgreSQL has to ask: what is asked for of those stands close
-- by in the order of the log, or its walk ends after a while and is gone on with by the next
-- page.
--
-- No release has had the table, so that it is small where it is there: the indexes are made
-- as a whole, which waits for writers. Those of months to come are made with their partitions.

-- +goose Up

create index provisioning_log_types on provisioning_log (org_id, target_type, id) where target_type not in ('User', 'Group');
create index provisioning_log_operations on provisioning_log (org_id, operation, id) where operation not in ('update', 'member_add', 'member_remove');
-- What people and the server itself have done, among what clients have.
create index provisioning_log_no_client on provisioning_log (org_id, id) where client_id is null;

-- +goose Down
-- Migrations only go forward.
