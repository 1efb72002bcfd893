-- One index finds the entries of a client and those of none: of people, and of the server
-- itself. Two, with a part of the entries each, cost every change of an organisation one index
-- more to open and two conditions to make ready: 9,000 instructions of some 550,000 that a
-- PATCH alone takes.
--
-- No release has had the table: see 00046.

-- +goose Up

create index provisioning_log_clients on provisioning_log (org_id, client_id, id);
drop index provisioning_log_client;
drop index provisioning_log_no_client;

-- +goose Down
-- Migrations only go forward.
