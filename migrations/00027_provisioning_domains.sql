-- Whose externalId is whose (RFC 7643 section 3.1): each OAuth client belongs to a
-- provisioning domain, which is its own id unless it is given a name that it may share
-- with others. One domain of an organisation is its home: its values are where they have
-- always been, in the document and the column external_id. Those of other domains are
-- elements of the document, and found by the keys that it has already.
--
-- Null as home is that there is no other domain yet: whoever asks is at home. So nothing is
-- moved, no row is rewritten, and a server of the release before goes on with what it has.

-- +goose Up

alter table orgs          add column home_domain         text;
alter table oauth_clients add column provisioning_domain text;
