-- One index finds the entries of a client and those of none: of people, and of the server
-- itself. Two, with a part of the entries each, cost every change of an organisation one index
-- more to open and two conditions to make ready. With one, a PATCH that comes alone takes 461,700
-- instructions of PostgreSQL instead of 464,000, adding a member 687,000 instead of 709,000, and
-- removing one 820,000 instead of 854,000.
--
-- No release has had the table: see 00046.

-- +goose Up

create index provisioning_log_clients on provisioning_log (org_id, client_id, id);
drop index provisioning_log_client;
drop index provisioning_log_no_client;

-- +goose Down
-- Migrations only go forward.
