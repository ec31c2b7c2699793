package extproc

import (
	"context"
	"log/slog"
	"net"
	"time"

	ext "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"

	"github.com/vsr-proxy/vsr-proxy/config"
	"github.com/vsr-proxy/vsr-proxy/exchange"
	"github.com/vsr-proxy/vsr-proxy/live"
	"github.com/vsr-proxy/vsr-proxy/telemetry"
)

// What bounds a connection beside the configuration.
const (
	// spare is what a message may hold beside a body of the largest size.
	spare = 1 << 20
	// streamWindow and connWindow are what may be under way unread. Fixed sizes
	// keep gRPC from raising them to 16 MiB for each stream.
	streamWindow = 256 << 10
	connWindow   = 8 << 20
	// headerList bounds the metadata of a stream, which nothing here reads.
	headerList = 64 << 10
	// pingsApart is how often Envoy may ping; pingAfter and pingTimeout find out
	// that it is gone.
	pingsApart  = 5 * time.Second
	pingAfter   = 30 * time.Second
	pingTimeout = 10 * time.Second
	handshake   = 5 * time.Second
)

// Options are what a Server is made of. Config is that of the start; what a reload
// may change is read from Current.
type Options struct {
	Config  *config.Config
	Current *live.Current
	Metrics *telemetry.Metrics
	Tracing *telemetry.Tracing
	Log     *slog.Logger
}

// Server is the door with its gRPC server and health service.
type Server struct {
	grpc   *grpc.Server
	health *health.Server
	ending chan struct{} // closed when health watchers shall leave
}

// NewServer gives a server that says NOT_SERVING until SetServing is called. It
// opens nothing but the files of extproc.tls.
func NewServer(o Options) (*Server, error) {
	s := &Server{health: health.NewServer(), ending: make(chan struct{})}
	limits := o.Config.Server.Limits
	options := []grpc.ServerOption{
		grpc.MaxRecvMsgSize(int(limits.BodyBytes) + spare),
		grpc.MaxConcurrentStreams(uint32(limits.Concurrency)),
		grpc.MaxHeaderListSize(headerList),
		grpc.InitialWindowSize(streamWindow),
		grpc.InitialConnWindowSize(connWindow),
		grpc.ConnectionTimeout(handshake),
		grpc.ForceServerCodecV2(newCodec()),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: pingsApart, PermitWithoutStream: true}),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: pingAfter, Timeout: pingTimeout}),
		grpc.ChainStreamInterceptor(s.untilEnding),
	}
	if files := o.Config.ExtProc.TLS; files.CertFile != "" {
		watched, err := watchCertificates(files, o.Log)
		if err != nil {
			return nil, err
		}
		options = append(options, grpc.Creds(credentials.NewTLS(watched.config())))
	}
	s.grpc = grpc.NewServer(options...)
	ext.RegisterExternalProcessorServer(s.grpc, &Door{
		current: o.Current, core: exchange.NewCore(o.Metrics, o.Tracing, o.Log), metrics: o.Metrics, log: o.Log,
		first: limits.HeaderTimeout,
	})
	healthpb.RegisterHealthServer(s.grpc, s.health)
	s.SetServing(false)
	return s, nil
}

// Serve answers on l until the server ends.
func (s *Server) Serve(l net.Listener) error { return s.grpc.Serve(l) }

// SetServing is what the health service says, of the server and of the processor.
func (s *Server) SetServing(serving bool) {
	status := healthpb.HealthCheckResponse_NOT_SERVING
	if serving {
		status = healthpb.HealthCheckResponse_SERVING
	}
	s.health.SetServingStatus("", status)
	s.health.SetServingStatus(ext.ExternalProcessor_ServiceDesc.ServiceName, status)
}

// Shutdown takes no new streams and waits for those that are there, no longer than
// ctx. It is false if some were cut.
func (s *Server) Shutdown(ctx context.Context) bool {
	s.health.Shutdown()
	close(s.ending)
	whole := make(chan struct{})
	go func() {
		defer close(whole)
		s.grpc.GracefulStop()
	}()
	select {
	case <-whole:
		return true
	case <-ctx.Done():
		s.grpc.Stop() // which ends GracefulStop too
		<-whole
		return false
	}
}

// Close ends at once.
func (s *Server) Close() { s.grpc.Stop() }

// untilEnding ends those who watch the health when the server ends, for they would
// stay for ever.
func (s *Server) untilEnding(srv any, w grpc.ServerStream, info *grpc.StreamServerInfo, handle grpc.StreamHandler) error {
	if info.FullMethod != healthpb.Health_Watch_FullMethodName {
		return handle(srv, w)
	}
	ctx, cancel := context.WithCancel(w.Context())
	defer cancel()
	go func() {
		select {
		case <-s.ending:
			cancel()
		case <-ctx.Done():
		}
	}()
	return handle(srv, bounded{w, ctx})
}

// bounded is a stream with a context of its own.
type bounded struct {
	grpc.ServerStream
	ctx context.Context
}

func (b bounded) Context() context.Context { return b.ctx }
