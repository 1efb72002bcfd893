-- The first schema. Its rules, for safety today and for sharding by organisation
-- tomorrow (docs/architecture.md, "Data"):
--   * org_id comes first in every primary key, unique key, foreign key and index;
--     the exceptions are named where they stand;
--   * no triggers, no row level security, no sequences in keys: ids and times are
--     made by the server;
--   * constraint names are short and meaningful, because errors are told apart by
--     SQLSTATE and the beginning of the constraint's name.
-- Names compared without regard to case are folded by the server before they are
-- stored in *_key columns, and collate "C", so that no index depends on a locale.

-- +goose Up

create table orgs (
  org_id         bigint primary key,
  name           text not null,
  name_key       text collate "C" not null,
  default_region text not null,
  removal_limit  integer not null check (removal_limit > 0),
  strict         boolean not null,
  created_at     timestamptz not null
);
create unique index orgs_name on orgs (name_key); -- across organisations: this table is small and replicated

-- One row a user. doc is the rendered JSON that is answered, without meta and
-- groups; folded is the same document with its texts folded, for filters on
-- attributes that have no column and no key. modified_at and version change with
-- every write and are therefore never indexed: updates stay heap-only.
create table users (
  org_id          bigint not null,
  id              uuid not null, -- version 7: the primary key's order is the order of creation
  version         bigint not null,
  created_at      timestamptz not null,
  modified_at     timestamptz not null,
  active          boolean not null,
  user_name_key   text collate "C" not null,
  display_name    text not null, -- as answered, for the members of a group
  display_name_key text collate "C",
  external_id     text collate "C",
  employee_number_key text collate "C",
  department_key  text collate "C",
  division_key    text collate "C",
  manager_id      text collate "C", -- text, because filters compare ids as text
  password_hash   text,
  doc             text not null,
  folded          jsonb not null,
  primary key (org_id, id)
) with (fillfactor = 85, toast_tuple_target = 4080);
-- +goose StatementBegin
do $$ begin
  alter table users alter doc set compression lz4;
  alter table users alter folded set compression lz4;
exception when feature_not_supported then
  null;                                 -- a PostgreSQL built without lz4 uses its own
end $$;
-- +goose StatementEnd

create unique index users_name on users (org_id, user_name_key);
create index users_active on users (org_id, active, id);
create index users_display on users (org_id, display_name_key, id);
create index users_external on users (org_id, external_id) where external_id is not null;
create index users_employee on users (org_id, employee_number_key) where employee_number_key is not null;
create index users_department on users (org_id, department_key, id) where department_key is not null;
create index users_division on users (org_id, division_key, id) where division_key is not null;
create index users_manager on users (org_id, manager_id) where manager_id is not null;

-- The values of multi-valued attributes that are searched, folded. There is no
-- index by user: the old keys are known from the old document.
create table user_keys (
  org_id  bigint not null,
  kind    smallint not null, -- which attribute: postgres/columns.go
  key     text collate "C" not null,
  user_id uuid not null,
  primary key (org_id, kind, key, user_id)
);

-- Deleted users, kept so that a user created again under the same name gets the
-- same id. A name may be here more than once; the latest is restored.
create table deleted_users (
  org_id        bigint not null,
  user_name_key text collate "C" not null,
  id            uuid not null,
  version       bigint not null,
  created_at    timestamptz not null,
  deleted_at    timestamptz not null,
  doc           text not null,
  primary key (org_id, user_name_key, id)
);

-- member_count follows group_members in the same statement: counting 100,000
-- rows for each answer would cost 18 ms.
create table groups (
  org_id           bigint not null,
  id               uuid not null,
  version          bigint not null,
  created_at       timestamptz not null,
  modified_at      timestamptz not null,
  display_name     text not null,
  display_name_key text collate "C" not null,
  external_id      text collate "C",
  member_count     bigint not null default 0,
  description      text not null default '',
  type             text not null,
  visibility       text not null,
  rules_visible    boolean not null,
  doc              text not null,
  folded           jsonb not null,
  primary key (org_id, id)
) with (fillfactor = 70); -- the version changes with every membership: leave room for heap-only updates

create unique index groups_name on groups (org_id, display_name_key);
create index groups_external on groups (org_id, external_id) where external_id is not null;

-- Members in both directions. The foreign keys make a member of another
-- organisation impossible in the database, not only in code.
create table group_members (
  org_id   bigint not null,
  group_id uuid not null,
  user_id  uuid not null,
  primary key (org_id, group_id, user_id),
  constraint members_group foreign key (org_id, group_id) references groups (org_id, id) on delete cascade,
  constraint members_user foreign key (org_id, user_id) references users (org_id, id) on delete cascade
);
create index members_by_user on group_members (org_id, user_id, group_id);

-- What users refer to by name: roles, divisions, routing skills and languages.
create table catalogue (
  org_id      bigint not null,
  kind        smallint not null, -- directory.Kind
  id          uuid not null,
  version     bigint not null,
  created_at  timestamptz not null,
  modified_at timestamptz not null,
  name        text not null,
  name_key    text collate "C" not null,
  description text not null,
  detail      jsonb not null, -- the rest, such as a role's permissions
  primary key (org_id, kind, id)
);
create unique index catalogue_name on catalogue (org_id, kind, name_key);

-- Totals of unfiltered lists: a base and append-only changes that a job folds
-- into it. One counter row would serialise all creates of an organisation.
create table counts (
  org_id bigint not null,
  kind   smallint not null, -- postgres/counts.go
  n      bigint not null,
  primary key (org_id, kind)
);
create table count_changes (
  org_id bigint not null,
  kind   smallint not null,
  id     uuid not null,
  n      integer not null,
  primary key (org_id, kind, id)
);

-- OAuth clients are found by their id alone, before the organisation is known;
-- keys belong to the whole service. Both tables are small and replicated.
create table oauth_clients (
  client_id        uuid primary key,
  org_id           bigint not null,
  name             text not null,
  secret_hash      bytea not null, -- SHA-256 of 32 random bytes
  validity_seconds bigint not null,
  state            text not null check (state in ('active', 'inactive', 'disabled')),
  created_at       timestamptz not null
);
create index oauth_clients_org on oauth_clients (org_id, client_id);

create table signing_keys (
  kid         text primary key,
  private_key bytea not null, -- PKCS #8
  created_at  timestamptz not null
);

-- +goose Down
-- Migrations only go forward.
