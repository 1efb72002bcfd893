-- Whether an organisation lets SCIM clients make and delete groups. Genesys Cloud
-- does not, and so no organisation does until it is set. And tokens that carry one
-- of the organisation's users.

-- +goose Up

alter table orgs add column group_lifecycle boolean not null default false;

-- A token that carries a user is good for that user alone, and ends with it. That
-- it is the organisation's own user is the foreign key's to see.
alter table access_tokens
  add column user_id uuid,
  add constraint tokens_user foreign key (org_id, user_id) references users (org_id, id) on delete cascade;
create index access_tokens_user on access_tokens (org_id, user_id) where user_id is not null;

-- +goose Down
-- Migrations only go forward.
