package events

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"github.com/purescim/purescim/internal/org"
)

// Answer is what has become of an operation that was to be answered later.
type Answer struct {
	URI, ID, ExternalID string          // of the resource, as in sub_id; URI alone is always known
	Result              json.RawMessage // an operation of a BulkResponse (RFC 7644 section 3.7)
}

// TellAnswer renders what the stream tells of an answer, as Event.Claims; nil when
// that is nothing. txn names the operation. A stream of one group has all answers, since
// their clients wait for them.
func (s Stream) TellAnswer(a Answer, txn string) []byte {
	if !s.answers() {
		return nil
	}
	of := subject{Format: "scim", URI: a.URI, ID: a.ID, ExternalID: a.ExternalID}
	return tell(of, txn, map[string]any{Answered.uri(s.Form): a.Result})
}

func (s Stream) answers() bool { return s.Status != Disabled && slices.Contains(s.Kinds, Answered) }

// TellsAnswers reports whether the organisation has a stream that tells of answers.
func (s *Service) TellsAnswers(ctx context.Context, o org.ID) (bool, error) {
	stream, err := s.store.Stream(ctx, o)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return stream.answers(), err
}

// URIs are those of the events that the organisation's stream tells of, for
// ServiceProviderConfig (RFC 9967 section 4); none without a stream.
func (s *Service) URIs(ctx context.Context, o org.ID) ([]string, error) {
	stream, err := s.store.Stream(ctx, o)
	if errors.Is(err, ErrNotFound) || err == nil && stream.Status == Disabled {
		return nil, nil
	}
	var uris []string
	for _, k := range stream.Kinds {
		uris = append(uris, k.uri(stream.Form))
	}
	return uris, err
}
