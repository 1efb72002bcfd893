-- Files that are imported in the console, from the upload on, so that any server shows how
-- far one is and goes on with it where another has stopped or died.
--
-- A file is packed and cut into parts; what it holds is deleted with the last line that is
-- imported. State is what a page tells of it: the columns, their mapping, the report by line.
-- Both may name people, and are sealed, if there are keys. Nothing is kept for longer than a
-- day after the last change.
--
-- A server works on an import while it holds it (worker, held_until). Of an organisation one
-- is worked on at a time, which the index says; the background work finds what is to be done
-- in it, too.

-- +goose Up

create table imports (
  org_id     bigint not null,
  id         uuid not null,
  stage      text not null,
  stopping   boolean not null default false, -- somebody asked for its end
  done       integer not null default 0,     -- lines that were looked at
  worker     uuid,
  held_until timestamptz not null,
  touched_at timestamptz not null,
  state      bytea not null,
  primary key (org_id, id)
) with (fillfactor = 70);
create unique index imports_running on imports (org_id) where stage in ('checking', 'importing');

create table import_parts (
  org_id    bigint not null,
  import_id uuid not null,
  part      integer not null,
  content   bytea not null,
  primary key (org_id, import_id, part),
  foreign key (org_id, import_id) references imports on delete cascade
);
-- It is packed already.
alter table import_parts alter column content set storage external;

-- +goose Down
-- Migrations only go forward.
