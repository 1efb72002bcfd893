-- Streams of events that nobody reads.

-- +goose Up

-- Since when the stream has as many events waiting as may be, and no others are made. A
-- server of the version before goes on to make them.
alter table event_streams add column full_at timestamptz;

-- +goose Down
-- Migrations only go forward.
