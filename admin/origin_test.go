package admin

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// A web page elsewhere can have a browser on this machine post to loopback (P6):
// it is refused, while tools, which send no Origin, are not.
func TestAPageElsewhereCannotReload(t *testing.T) {
	reloads := 0
	h := Handler(Options{Metrics: http.NotFoundHandler(), Reload: func() error { reloads++; return nil }})
	for _, c := range []struct {
		origin string
		status int
	}{{"https://evil.example", http.StatusForbidden}, {"", http.StatusOK}} {
		r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1:8802/-/reload", nil)
		if c.origin != "" {
			r.Header.Set("Origin", c.origin)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != c.status {
			t.Errorf("origin %q: status %d, want %d", c.origin, w.Code, c.status)
		}
	}
	if reloads != 1 {
		t.Errorf("%d reloads", reloads)
	}
}
