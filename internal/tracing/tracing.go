// Package tracing exports spans to a collector of OpenTelemetry: one for each request, and
// below it one for each of its statements.
//
// The standard environment (OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_TRACES_SAMPLER and so on)
// configures it; without an endpoint it does nothing. Package httpapi describes requests.
package tracing

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/exaring/otelpgx"
	"github.com/jackc/pgx/v5"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/purescim/purescim/internal/httpapi"
)

// Enabled reports whether the environment names a collector.
func Enabled() bool {
	if strings.EqualFold(os.Getenv("OTEL_SDK_DISABLED"), "true") || os.Getenv("OTEL_TRACES_EXPORTER") == "none" {
		return false
	}
	return os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") != "" || os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") != ""
}

// Tracing sends spans. It is safe for concurrent use.
type Tracing struct{ provider *sdktrace.TracerProvider }

// Start begins to send spans of the program of a version. That the collector does not
// answer is no error: the log tells of it.
func Start(ctx context.Context, version string, log *slog.Logger) (*Tracing, error) {
	for _, name := range []string{"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"} {
		if protocol := os.Getenv(name); protocol != "" && protocol != "http/protobuf" {
			return nil, fmt.Errorf("%s: %q is not spoken; http/protobuf is, at port 4318 as a rule", name, protocol)
		}
	}
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return nil, fmt.Errorf("send traces: %w", err)
	}
	// What the environment says (OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES) wins.
	about, err := resource.New(ctx, resource.WithTelemetrySDK(),
		resource.WithAttributes(attribute.String("service.name", "purescim"), attribute.String("service.version", version)), resource.WithFromEnv())
	if err != nil {
		return nil, fmt.Errorf("send traces: %w", err)
	}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { log.Warn("traces were not sent", "error", err) }))
	return &Tracing{sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(about))}, nil
}

// Stop sends what is left, within some seconds. Nil has nothing left.
func (t *Tracing) Stop() {
	if t == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_ = t.provider.Shutdown(ctx) // the log was told
}

// Handler makes a span of each request. Trusted says that a proxy of ours stands in front:
// then the trace that a request names is gone on with. Others begin traces of their own,
// which are linked to it, for nobody outside decides what is kept.
func (t *Tracing) Handler(next http.Handler, trusted bool) http.Handler {
	options := []otelhttp.Option{
		otelhttp.WithTracerProvider(t.provider), otelhttp.WithMeterProvider(noop.NewMeterProvider()), otelhttp.WithPropagators(propagation.TraceContext{}),
	}
	if !trusted {
		options = append(options, otelhttp.WithPublicEndpointFn(func(*http.Request) bool { return true }))
	}
	return otelhttp.NewHandler(next, "request", options...)
}

// Observe says what the request of the context was about.
func (*Tracing) Observe(ctx context.Context, o httpapi.Observed) {
	span := trace.SpanFromContext(ctx)
	if !span.IsRecording() {
		return
	}
	if o.Route != "" {
		span.SetName(o.Method + " " + o.Route)
		span.SetAttributes(attribute.String("http.route", o.Route))
	}
	span.SetAttributes(attribute.String("purescim.correlation_id", httpapi.CorrelationID(ctx)))
	if o.Org != 0 {
		span.SetAttributes(attribute.String("purescim.organisation", o.Org.String()), attribute.String("purescim.client", o.Client.String()), attribute.String("purescim.product", string(o.System)))
	}
}

// Statements makes spans of the statements of requests, without their arguments. What the
// server asks for itself, all the time, has none.
func (t *Tracing) Statements() pgx.QueryTracer {
	return otelpgx.NewTracer(otelpgx.WithTracerProvider(t.provider), otelpgx.WithMeterProvider(noop.NewMeterProvider()), otelpgx.WithDisableConnectionDetailsInAttributes())
}
