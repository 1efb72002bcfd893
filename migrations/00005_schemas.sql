-- Schemas by which an organisation extends users and groups.

-- +goose Up

-- How often the organisation's schemas have changed. A server that remembers another
-- number reads them again.
alter table orgs add column schema_version bigint not null default 0;

-- A schema is found by its URN, which is stored as it was declared. Whoever stores the
-- first of its values in a user or group holds its row, so that it is neither changed
-- nor removed meanwhile.
create table schemas (
  org_id      bigint not null,
  urn         text collate "C" not null,
  resource    text not null,   -- the resource type that it extends
  revision    bigint not null, -- the organisation's schema_version when it was last changed
  definition  text not null,   -- RFC 7643 section 7
  created_at  timestamptz not null,
  modified_at timestamptz not null,
  primary key (org_id, urn)
);

-- +goose Down
-- Migrations only go forward.
