-- Room for new versions of rows beside the old ones. An update that finds it touches
-- no index (heap-only), and there are a dozen on users. The room that was left until
-- now is taken when many update at once, since what they replaced cannot be reused
-- while any of them runs: of 16 writers who changed the title of users of 700 bytes,
-- one in six had to write all indexes; with this, one in twenty or less, and the
-- table that they leave is no larger. Pages that are full already stay as they are.

-- +goose Up

alter table users set (fillfactor = 70);
alter table groups set (fillfactor = 50); -- every change of members makes a new version
alter table counts set (fillfactor = 50); -- and so does every fold

-- All rows go within seconds, however many there were: vacuum by their number, not
-- by their share. Until it has come, each total walks over what was folded, 2.5 ms
-- for 100,000.
alter table count_changes set (
  autovacuum_vacuum_scale_factor = 0,
  autovacuum_vacuum_threshold    = 1000,
  autovacuum_vacuum_cost_delay   = 0
);

-- +goose Down
-- Migrations only go forward.
