package postgres

import (
	"context"

	"github.com/purescim/purescim/internal/org"
)

func (s *Store) Verify(ctx context.Context, o org.ID, report func(string)) error { return nil }
