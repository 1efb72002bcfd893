-- Names, and other texts that filters find, are stored folded, by the server. Each
-- organisation has the number of the folding with which that was done: where it is lower
-- than the server's, the background work folds its rows again, a few at a time, and then
-- raises it. A constant default rewrites no row, and a server of the release before goes on
-- without the column: the organisations that it makes are folded again.

-- +goose Up

alter table orgs add column fold_version integer not null default 1;
