-- The provisioning log: who changed what in an organisation, and which requests were
-- refused. An entry of a change is inserted by the statement that makes the change, so the
-- row is small and has few indexes; what is only shown is JSON in detail.
--
-- Entries are in partitions by month, which are forgotten as a whole. An id is a UUID of
-- version 7, which begins with the time: months are ranges of ids, and the primary key is
-- the order of the log. There are no foreign keys, for entries outlive what they tell of.

-- +goose Up

create table provisioning_log (
  org_id         bigint not null,
  id             uuid not null,
  client_id      uuid,             -- of the OAuth client that asked; null for others
  actor          text not null,    -- the client's name, cli:NAME for the command line, or server
  correlation_id text collate "C" not null,
  operation      text not null,
  target_type    text not null,
  target_id      uuid,
  target_name    text not null,    -- as it was before
  target_key     text collate "C", -- that name folded, where the target cannot be found by its name now
  result         text not null,    -- success, refused, warning, held
  status         smallint not null,
  error          text,             -- what the client was told; with its scimType in detail
  added          uuid[],           -- members
  removed        uuid[],
  detail         text not null,
  primary key (org_id, id)
) partition by range (id);

create index provisioning_log_target on provisioning_log (org_id, target_id, id);
create index provisioning_log_client on provisioning_log (org_id, client_id, id) where client_id is not null;
create index provisioning_log_correlation on provisioning_log (org_id, correlation_id);
-- What went wrong is little among what went well.
create index provisioning_log_results on provisioning_log (org_id, result, id) where result <> 'success';
create index provisioning_log_names on provisioning_log (org_id, target_key, id) where target_key is not null;

-- What is of no month that has a partition, should the job that makes them be away.
create table provisioning_log_default partition of provisioning_log default;

-- The months until that job is at work.
-- +goose StatementBegin
do $$
declare
  month timestamp := date_trunc('month', now() at time zone 'UTC');
begin
  for n in 0..2 loop
    execute format(
      'create table %I partition of provisioning_log for values from (%L) to (%L)',
      'provisioning_log_' || to_char(month + n * interval '1 month', 'YYYY_MM'),
      lpad(to_hex((extract(epoch from month + n * interval '1 month') * 1000)::bigint), 12, '0') || '00000000000000000000',
      lpad(to_hex((extract(epoch from month + (n + 1) * interval '1 month') * 1000)::bigint), 12, '0') || '00000000000000000000');
  end loop;
end $$;
-- +goose StatementEnd

-- How many days entries are kept. Constant defaults rewrite no row, and a server of the
-- release before goes on without the columns.
alter table orgs add column change_log_days  integer not null default 400;
alter table orgs add column refusal_log_days integer not null default 30;
