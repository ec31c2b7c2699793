package extproc_test

import (
	"fmt"
	"testing"

	ext "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
)

// BenchmarkExplicitModel is one exchange over gRPC on loopback, client and server
// together, as the shipped filter sends it.
func BenchmarkExplicitModel(b *testing.B) {
	for _, n := range []int{200, 64 << 10, 1 << 20} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			s := serve(b, doors)
			body := sized("small", n)
			m := chatWith(body)
			back := reply(200, "application/json", okBody)
			b.SetBytes(int64(n))
			b.ReportAllocs()
			for b.Loop() {
				w, err := ext.NewExternalProcessorClient(s.conn).Process(b.Context())
				if err != nil {
					b.Fatal(err)
				}
				e := &envoy{t: b, w: w, request: fullDuplex, response: streamed}
				if _, answered := e.ask(m); answered != nil {
					b.Fatal(answered)
				}
				e.answer(back)
				e.done()
			}
		})
	}
}
