-- What an organisation's ServiceProviderConfig tells beyond RFC 7643. Some clients stop at
-- members that they do not know: the list of roles, of a draft, is told where it is asked
-- for, the ways to page (RFC 9865) unless they are in the way. Constant defaults rewrite
-- no row, and a server of the release before goes on without the columns.

-- +goose Up

alter table orgs add column announce_roles  boolean not null default false;
alter table orgs add column hide_pagination boolean not null default false;
