package deploy_test

import (
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"sync"
	"testing"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	spans "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// traces is a collector of OpenTelemetry.
type traces struct {
	*httptest.Server
	mu      sync.Mutex
	spans   []*spans.Span
	service string
	text    strings.Builder // of all that came
}

func newTraces(t *testing.T) *traces {
	t.Helper()
	c := new(traces)
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var sent collector.ExportTraceServiceRequest
		if err == nil && r.URL.Path == "/v1/traces" && r.Header.Get("X-Key") == "of the collector" {
			err = proto.Unmarshal(body, &sent)
		}
		if err != nil {
			t.Error(err)
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.text.Write(body)
		for _, resource := range sent.GetResourceSpans() {
			c.service = resource.GetResource().String()
			for _, scope := range resource.GetScopeSpans() {
				c.spans = append(c.spans, scope.GetSpans()...)
			}
		}
		w.Header().Set("Content-Type", "application/x-protobuf")
	}))
	t.Cleanup(c.Close)
	return c
}

// find gives the spans whose names begin so.
func (c *traces) find(name string) (found []*spans.Span) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, span := range c.spans {
		if strings.HasPrefix(span.GetName(), name) {
			found = append(found, span)
		}
	}
	return found
}

// A request is a span in the trace that the proxy has begun, its statements are below it,
// and neither tells what a filter or a body says.
func TestTraces(t *testing.T) {
	t.Parallel()
	c := newTraces(t)
	s := serve(t, "OTEL_EXPORTER_OTLP_ENDPOINT="+c.URL, "OTEL_EXPORTER_OTLP_HEADERS=X-Key=of the collector", "OTEL_BSP_SCHEDULE_DELAY=100",
		"OTEL_SERVICE_NAME=provisioning", "PURESCIM_TRUST_PROXY=true")
	const trace, parent = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+s.addr+"/api/v2/scim/v2/Users?filter=displayName%20co%20%22marie-curie%22", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+s.token)
	r.Header.Set("Traceparent", "00-"+trace+"-"+parent+"-01")
	answer, err := http.DefaultClient.Do(r)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("%v %v", answer, err)
	}
	_ = answer.Body.Close()
	const name = "GET /api/v2/scim/v2/Users"
	waitFor(t, "the span of the request", func() error {
		if len(c.find(name)) == 0 {
			return io.EOF
		}
		return nil
	})
	request := c.find(name)[0]
	if hex.EncodeToString(request.GetTraceId()) != trace || hex.EncodeToString(request.GetParentSpanId()) != parent {
		t.Errorf("the span is of the trace %x, below %x", request.GetTraceId(), request.GetParentSpanId())
	}
	attributes := request.String()
	for _, want := range []string{"purescim.correlation_id", "purescim.organisation", "purescim.client", "http.route"} {
		if !strings.Contains(attributes, want) {
			t.Errorf("no %s in %s", want, attributes)
		}
	}
	below := 0
	waitFor(t, "the spans of its statements", func() error {
		below = 0
		for _, span := range c.find("") {
			if string(span.GetParentSpanId()) == string(request.GetSpanId()) {
				below++
			}
		}
		if below == 0 {
			return io.EOF
		}
		return nil
	})
	for _, span := range c.find("") {
		if string(span.GetTraceId()) != string(request.GetTraceId()) {
			t.Errorf("a span of what nobody asked for: %s", span.GetName())
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if text := c.text.String(); strings.Contains(text, "marie-curie") || strings.Contains(text, s.token) {
		t.Error("the traces tell what was asked for, or the token")
	}
	if !strings.Contains(c.service, "provisioning") {
		t.Errorf("the service is %s", c.service)
	}
}

// A protocol that is not spoken is told at the start, and not at the collector.
func TestTraces_OfAnotherProtocol(t *testing.T) {
	t.Parallel()
	c := exec.Command(purescim(t), "serve", "--database-url=postgres://nobody@127.0.0.1:1/none")
	c.Env = []string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4317", "OTEL_EXPORTER_OTLP_PROTOCOL=grpc"}
	if output, err := c.CombinedOutput(); err == nil || !strings.Contains(string(output), "http/protobuf") {
		t.Errorf("%v: %s", err, output)
	}
}
