-- Organisations that were deleted, by whom and when. The row of the organisation and its
-- clients are gone at once, and with them every way in; what it owned is deleted a few
-- thousand rows at a time, by who deletes it and by every server until nothing comes any
-- more: a request that was let in before may still store something for minutes. A server of
-- the release before refuses the tokens as well, and does not tidy up.

-- +goose Up

create table deleted_orgs (
  org_id     bigint primary key,
  name       text        not null,
  name_key   text        not null,
  deleted_at timestamptz not null,
  deleted_by text        not null, -- the account of the command line
  emptied_at timestamptz           -- null as long as rows may be left
);
create index deleted_orgs_left on deleted_orgs (org_id) where emptied_at is null;

-- +goose Down
-- Migrations only go forward.
