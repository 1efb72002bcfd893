package metrics

import (
	"context"
	"regexp"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/purescim/purescim/internal/lru"
)

// Statements counts what is asked of PostgreSQL, by kind and table, such as "update
// users": there are as many as there are tables, whatever filters are asked for. It is
// safe for concurrent use.
type Statements struct {
	*prometheus.SummaryVec
	names *lru.Map[string, string]
}

var (
	_ pgx.QueryTracer = (*Statements)(nil)
	_ pgx.BatchTracer = (*Statements)(nil)
)

// namesKept is of how many texts the names are kept.
const namesKept = 1000

// NewStatements makes the figures of no statements yet.
func NewStatements() *Statements {
	return &Statements{
		SummaryVec: prometheus.NewSummaryVec(prometheus.SummaryOpts{
			Name: "purescim_database_statement_duration_seconds",
			Help: "Time of statements until all their rows were read, by kind and first table; of those that went together by the first of them.",
		}, []string{"statement"}),
		names: lru.New[string, string](namesKept),
	}
}

type statementKey struct{}

// started is a statement, or several, under way.
type started struct {
	at   time.Time
	name string
}

// TraceQueryStart implements pgx.QueryTracer.
func (s *Statements) TraceQueryStart(ctx context.Context, _ *pgx.Conn, d pgx.TraceQueryStartData) context.Context {
	return context.WithValue(ctx, statementKey{}, &started{time.Now(), s.nameOf(d.SQL)})
}

// TraceQueryEnd implements pgx.QueryTracer.
func (s *Statements) TraceQueryEnd(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryEndData) {
	s.end(ctx)
}

// TraceBatchStart implements pgx.BatchTracer.
func (s *Statements) TraceBatchStart(ctx context.Context, _ *pgx.Conn, d pgx.TraceBatchStartData) context.Context {
	name := other
	if d.Batch != nil && len(d.Batch.QueuedQueries) > 0 {
		name = s.nameOf(d.Batch.QueuedQueries[0].SQL)
	}
	return context.WithValue(ctx, statementKey{}, &started{time.Now(), name})
}

// TraceBatchQuery implements pgx.BatchTracer.
func (*Statements) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}

// TraceBatchEnd implements pgx.BatchTracer.
func (s *Statements) TraceBatchEnd(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchEndData) {
	s.end(ctx)
}

func (s *Statements) end(ctx context.Context) {
	if began, ok := ctx.Value(statementKey{}).(*started); ok {
		s.WithLabelValues(began.name).Observe(time.Since(began.at).Seconds())
	}
}

// other is a statement of no table, such as BEGIN.
const other = "other"

var mainTable = regexp.MustCompile(`(?i)\b(update|insert\s+into|delete\s+from|from)\s+([a-z_]+)\b`)

// nameOf is the kind of a statement and its first table.
func (s *Statements) nameOf(sql string) string {
	if name, ok := s.names.Get(sql); ok {
		return name
	}
	name := other
	if found := mainTable.FindStringSubmatch(sql); found != nil {
		switch found[1][0] | 0x20 {
		case 'u':
			name = "update " + found[2]
		case 'i':
			name = "insert " + found[2]
		case 'd':
			name = "delete " + found[2]
		default:
			name = "select " + found[2]
		}
	}
	s.names.Put(sql, name)
	return name
}
