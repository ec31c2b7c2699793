package telemetry

import (
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	spans "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"
)

// receiver is an OTLP collector that keeps what it gets, over HTTP and gRPC.
type receiver struct {
	collector.UnimplementedTraceServiceServer
	mu       sync.Mutex
	requests []*collector.ExportTraceServiceRequest
	keys     []string // values of the x-api-key header
	paths    []string
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	var body io.Reader = req.Body
	if req.Header.Get("Content-Encoding") == "gzip" {
		z, err := gzip.NewReader(req.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		body = z
	}
	raw, err := io.ReadAll(body)
	export := &collector.ExportTraceServiceRequest{}
	if err == nil {
		err = proto.Unmarshal(raw, export)
	}
	if err != nil || req.Header.Get("Content-Type") != "application/x-protobuf" {
		http.Error(w, fmt.Sprint(err), http.StatusBadRequest)
		return
	}
	r.keep(export, req.URL.Path, req.Header.Get("X-Api-Key"))
	w.Header().Set("Content-Type", "application/x-protobuf")
}

func (r *receiver) Export(ctx context.Context, export *collector.ExportTraceServiceRequest) (*collector.ExportTraceServiceResponse, error) {
	md, _ := metadata.FromIncomingContext(ctx)
	r.keep(export, "grpc", strings.Join(md.Get("x-api-key"), ","))
	return &collector.ExportTraceServiceResponse{}, nil
}

func (r *receiver) keep(export *collector.ExportTraceServiceRequest, path, key string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.requests, r.paths, r.keys = append(r.requests, export), append(r.paths, path), append(r.keys, key)
}

// got returns the spans received so far by name, and the attributes of their resource.
func (r *receiver) got(t *testing.T) (map[string]*spans.Span, string) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	byName, from := map[string]*spans.Span{}, ""
	for _, request := range r.requests {
		for _, rs := range request.ResourceSpans {
			from = attributes(rs.Resource.Attributes)
			for _, ss := range rs.ScopeSpans {
				for _, s := range ss.Spans {
					byName[s.Name] = s
				}
			}
		}
	}
	return byName, from
}

func attributes(kvs []*common.KeyValue) string {
	var b strings.Builder
	for _, kv := range kvs {
		if s, ok := kv.Value.Value.(*common.AnyValue_StringValue); ok {
			fmt.Fprintf(&b, "%s=%s ", kv.Key, s.StringValue)
		} else {
			fmt.Fprintf(&b, "%s=%d ", kv.Key, kv.Value.GetIntValue())
		}
	}
	return strings.TrimSpace(b.String())
}
