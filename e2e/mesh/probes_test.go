//go:build mesh

package mesh

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
)

// run probes once, from the node, as a kubelet does.
func (p *probe) run(address string, c *container) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(max(p.Timeout, 1))*time.Second)
	defer cancel()
	switch {
	case p.HTTP != nil:
		return probeHTTP(ctx, "http://"+hostPort(address, c, p.HTTP.Port)+p.HTTP.Path)
	case p.GRPC != nil:
		return probeGRPC(ctx, hostPort(address, c, float64(p.GRPC.Port)), p.GRPC.Service)
	case p.TCP != nil:
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", hostPort(address, c, p.TCP.Port))
		if err != nil {
			return err
		}
		return conn.Close()
	}
	return fmt.Errorf("container %s: a probe of a kind that the kubelet here does not know", c.Name)
}

// hostPort resolves a port that may be given by its name.
func hostPort(address string, c *container, p any) string {
	number := 0
	switch p := p.(type) {
	case float64:
		number = int(p)
	case string:
		for _, known := range c.Ports {
			if known.Name == p {
				number = known.ContainerPort
			}
		}
	}
	return net.JoinHostPort(address, strconv.Itoa(number))
}

func probeHTTP(ctx context.Context, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	req.Close = true
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return err
	}
	_ = resp.Body.Close()
	if resp.StatusCode < 200 || resp.StatusCode >= 400 {
		return fmt.Errorf("%s: %s", url, resp.Status)
	}
	return nil
}

func probeGRPC(ctx context.Context, target, service string) error {
	conn, err := grpc.NewClient("passthrough:///"+target, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer conn.Close()
	resp, err := healthpb.NewHealthClient(conn).Check(ctx, &healthpb.HealthCheckRequest{Service: service})
	if err != nil {
		return err
	}
	if resp.Status != healthpb.HealthCheckResponse_SERVING {
		return fmt.Errorf("%s service %q: %s", target, service, resp.Status)
	}
	return nil
}
