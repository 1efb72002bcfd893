-- Requests that were accepted to be carried out later (RFC 7240 section 4.1), and
-- their answers. Who accepts one has promised it: it is done though every server
-- is killed meanwhile.

-- +goose Up

create table async_requests (
  org_id      bigint not null,
  id          uuid not null,
  client_id   uuid not null,   -- who may fetch the answer
  permissions text[] not null, -- what the client might do when it asked
  root        text not null,   -- URL of the mount that it came through
  body        text,            -- until it is done: it may hold passwords
  accepted_at timestamptz not null,
  worker      uuid,            -- who does it
  held_until  timestamptz not null, -- for how long nobody else may
  finished_at timestamptz,
  answer      text,
  primary key (org_id, id),
  check ((finished_at is null) = (body is not null)),
  check ((finished_at is null) = (answer is null))
);
create index async_requests_open on async_requests (org_id, accepted_at) where finished_at is null;

-- What has been done of a request that is not finished.
create table async_steps (
  org_id     bigint not null,
  request_id uuid not null,
  step       integer not null,
  begun_at   timestamptz not null,
  outcome    text, -- null while it is under way, or was when its server died
  primary key (org_id, request_id, step)
) with (fillfactor = 70);

-- +goose Down
-- Migrations only go forward.
