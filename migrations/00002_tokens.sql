-- Tokens that are known, rotate and die; clients that carry roles.
--
-- Whether a token is good is what oauth_clients and access_tokens say. The rows of
-- revocations only tell the servers to ask again; they are of no use after a minute.

-- +goose Up

alter table orgs
  add column rate_limit integer not null default 0 check (rate_limit >= 0); -- requests a minute for each token; 0 is the server's own limit

alter table oauth_clients
  add column description           text not null default '',
  add column modified_at           timestamptz,
  add column roles                 jsonb not null default '[]', -- [{"role": id, "division": id or "*"}]
  add column rate_limit            integer not null default 0 check (rate_limit >= 0), -- requests a minute; 0 is the organisation's or the server's
  add column previous_secret_hash  bytea,
  add column previous_secret_until timestamptz,
  -- Tokens without a row in access_tokens are good: the client had some before
  -- tokens were recorded.
  add column unrecorded_tokens     boolean not null default false;
update oauth_clients set modified_at = created_at, unrecorded_tokens = true;
alter table oauth_clients alter column modified_at set not null;

-- Every token that was issued, until a week after its end. used_at is written in
-- batches and not indexed: updates stay heap-only.
create table access_tokens (
  org_id     bigint not null,
  id         uuid not null, -- its jti; version 7: the order is that of issue
  client_id  uuid not null,
  issued_at  timestamptz not null,
  expires_at timestamptz not null,
  issued_to  text not null default '', -- the address that asked; empty for the command line
  used_at    timestamptz,
  used_from  text not null default '',
  revoked_at timestamptz,
  primary key (org_id, id)
) with (fillfactor = 85);
create index access_tokens_client on access_tokens (org_id, client_id, id);
create index access_tokens_ended on access_tokens (org_id, expires_at);

-- Tokens and clients about which servers must not trust what they remember. Small,
-- replicated, and read by time, since the servers ask for all organisations at once.
create table revocations (
  recorded_at timestamptz not null,
  id          uuid not null, -- of a token, or of a client for all of its tokens
  primary key (recorded_at, id)
);

alter table signing_keys
  add column retired_at   timestamptz, -- signs no more
  add column verify_until timestamptz; -- no token that it signed lives longer
-- What the keys have signed so far is not known: it may live for 450 days.
update signing_keys set verify_until = now() + interval '451 days';
alter table signing_keys alter column verify_until set not null;
update signing_keys k set retired_at = now()
where  exists (select from signing_keys newer where (newer.created_at, newer.kid) > (k.created_at, k.kid));
create unique index signing_keys_active on signing_keys ((retired_at is null)) where retired_at is null; -- one signs

-- The built-in roles get their permissions, as new organisations have them.
update catalogue set detail = '{"permissions": [], "permissionPolicies": []}'
where  kind = 1 and name_key = 'employee' and not detail ? 'permissions';
update catalogue set detail = '{"permissions": ["*"], "permissionPolicies": []}'
where  kind = 1 and name_key = 'admin' and not detail ? 'permissions';
update catalogue set detail = '{"permissions": ["directory:user:add", "directory:user:edit", "directory:user:delete", "directory:user:setPassword", "directory:group:edit", "authorization:grant:add", "authorization:grant:delete", "routing:skill:assign", "routing:language:assign", "telephony:extension:assign"], "permissionPolicies": []}'
where  kind = 1 and name_key = 'scim integration' and not detail ? 'permissions';
insert into catalogue (org_id, kind, id, version, created_at, modified_at, name, name_key, description, detail)
select o.org_id, 1,
       -- Version 7, made of a version 4 and the time.
       encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid())
         placing substring(int8send((extract(epoch from now()) * 1000)::bigint) from 3) from 1 for 6), 52, 1), 53, 1), 'hex')::uuid,
       1, now(), now(), 'SCIM Reader', 'scim reader', 'May read users and groups through SCIM',
       '{"permissions": ["directory:group:view"], "permissionPolicies": []}'
from   orgs o
on conflict (org_id, kind, name_key) do nothing;

-- Clients could do everything until now, and go on.
update oauth_clients c set roles = jsonb_build_array(jsonb_build_object('role', r.id, 'division', '*'))
from   catalogue r
where  r.org_id = c.org_id and r.kind = 1 and r.name_key = 'admin';

-- +goose Down
-- Migrations only go forward.
