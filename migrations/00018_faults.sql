-- What customers are told of pushes that failed is one of five words from now on
-- (package egress). Dead events of before may hold an error of the network, with
-- addresses and names of the server's side: such texts go. What a receiver said
-- stays, be it in an answer or in setErrs.

-- +goose Up

update events
set    fault = 'unreachable'
where  dead_at is not null
and    fault ~ '^(dial |read |write |lookup |tls: |remote error|local error|x509: |http|net/http|proxyconnect|context |EOF|unexpected EOF|read signing)';

update event_progress
set    fault = 'unreachable'
where  fault not in ('', 'refused', 'unreachable', 'timeout', 'tls', 'rejected');

-- +goose Down
-- Migrations only go forward.
