package router_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/vsr-proxy/vsr-proxy/router"
)

// fourKB is a chat of 4 KB that a keyword settles.
func fourKB() router.Request {
	body := `{"model":"auto","temperature":0.7,"stream":true,"messages":[{"role":"system","content":"You are a helpful assistant."}`
	for i := range 4 {
		body += fmt.Sprintf(`,{"role":"user","content":"%s"},{"role":"assistant","content":"%s"}`, strings.Repeat(fmt.Sprint("question ", i, " "), 34), strings.Repeat("answer ", 60))
	}
	body += `,{"role":"user","content":"Please solve this: ` + strings.Repeat("a long problem ", 40) + `"}]}`
	return router.Request{Body: []byte(body)}
}

func benchmarkRouter(b testing.TB) *router.Router {
	return build(b, twoModels+rules, &stub{p: mathematics})
}

// The work beyond classification: parse, rules and splice. The goal is less than
// 50 µs and 10 allocations.
func BenchmarkDecideWithoutEncoder4KB(b *testing.B) {
	r, req := benchmarkRouter(b), fourKB()
	b.SetBytes(int64(len(req.Body)))
	b.ReportAllocs()
	for b.Loop() {
		if d := r.Decide(context.Background(), req); d.Model != "large" || d.Classified {
			b.Fatalf("%+v", d)
		}
	}
}
