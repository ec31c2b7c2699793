package main

import (
	"context"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	filter "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ext_proc/v3"
	ext "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/vsr-proxy/vsr-proxy/config"
)

const envoyAlone = `
server: {enabled: false, pre_stop_wait: 0s}
extproc: {enabled: true, listen: "127.0.0.1:0"}
admin: {listen: "127.0.0.1:0"}
log: {level: error}
models: [{name: a}, {name: b}]
routing:
  default_model: a
  signals:
    keywords: [{name: ping, operator: OR, keywords: [ping]}]
  decisions:
    - {name: to-b, rules: {type: keyword, name: ping}, model: b}
`

// P2: the Envoy door opens without the other one, decides, says by its health that
// it is ready, and lets a started exchange end when the program drains.
func TestEnvoyDoorAlone(t *testing.T) {
	t.Setenv("VSR_CLASSIFY_RUNTIME_PATH", library(t))
	file := filepath.Join(t.TempDir(), "config.yaml")
	write(t, file, envoyAlone)
	a, err := start(context.Background(), func() (*config.Config, error) { return config.Load(file) })
	if err != nil {
		t.Fatal(err)
	}
	conn, err := grpc.NewClient("passthrough:///"+address(a.envoyListener), grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithNoProxy())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if r, err := healthpb.NewHealthClient(conn).Check(ctx, &healthpb.HealthCheckRequest{Service: "envoy.service.ext_proc.v3.ExternalProcessor"}); err != nil || r.GetStatus() != healthpb.HealthCheckResponse_SERVING {
		t.Fatal(r, err)
	}
	w, err := ext.NewExternalProcessorClient(conn).Process(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if model := askEnvoy(t, w); model != "b" {
		t.Errorf("x-selected-model is %q", model)
	}
	write(t, file, strings.Replace(envoyAlone, "extproc: {enabled: true", "extproc: {enabled: true, on_unread_body: default", 1))
	if err := a.reload(); err != nil {
		t.Error(err)
	}
	drained := make(chan bool, 1)
	go func() { drained <- a.drain(context.Background(), 0) }()
	_, adminURL := a.urls()
	for ready := 200; ready == 200; {
		resp, err := http.Get(adminURL + "/readyz")
		if err != nil {
			t.Fatal(err)
		}
		ready = resp.StatusCode
		_ = resp.Body.Close()
	}
	_ = w.CloseSend()
	if !<-drained {
		t.Error("cut")
	}
}

// askEnvoy sends a request as Envoy does and gives the model that it is sent to.
func askEnvoy(t *testing.T, w ext.ExternalProcessor_ProcessClient) string {
	t.Helper()
	headers := &core.HeaderMap{}
	for name, value := range map[string]string{":method": "POST", ":path": "/v1/chat/completions", "content-type": "application/json"} {
		headers.Headers = append(headers.Headers, &core.HeaderValue{Key: name, RawValue: []byte(value)})
	}
	for _, m := range []*ext.ProcessingRequest{
		{
			ProtocolConfig: &ext.ProtocolConfiguration{RequestBodyMode: filter.ProcessingMode_FULL_DUPLEX_STREAMED},
			Request:        &ext.ProcessingRequest_RequestHeaders{RequestHeaders: &ext.HttpHeaders{Headers: headers}},
		},
		{Request: &ext.ProcessingRequest_RequestBody{RequestBody: &ext.HttpBody{Body: []byte(`{"model":"auto","messages":[{"role":"user","content":"ping"}]}`), EndOfStream: true}}},
	} {
		if err := w.Send(m); err != nil {
			t.Fatal(err)
		}
	}
	m, err := w.Recv()
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range m.GetRequestHeaders().GetResponse().GetHeaderMutation().GetSetHeaders() {
		if h.GetHeader().GetKey() == "x-selected-model" {
			return string(h.GetHeader().GetRawValue())
		}
	}
	t.Fatalf("got %v", m)
	return ""
}

// A port that is taken is said with the key that named it.
func TestEnvoyPortIsTaken(t *testing.T) {
	t.Setenv("VSR_CLASSIFY_RUNTIME_PATH", library(t))
	file := filepath.Join(t.TempDir(), "config.yaml")
	write(t, file, envoyAlone)
	a := startFile(t, file)
	taken := strings.Replace(envoyAlone, `listen: "127.0.0.1:0"}`, `listen: "`+address(a.envoyListener)+`"}`, 1)
	_, err := start(context.Background(), func() (*config.Config, error) { return config.Parse("config.yaml", []byte(taken)) })
	if err == nil || !strings.Contains(err.Error(), "extproc.listen") {
		t.Errorf("got %v", err)
	}
}
