package hub_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/vsr-proxy/vsr-proxy/classify/models/hub/hubtest"
)

// A body that breaks off is continued, not begun again.
func TestBrokenDownloadGoesOnWhereItStopped(t *testing.T) {
	r := newRig(t, hubtest.Guard())
	whole := r.server.Files[graphFile]
	cut := 0
	r.server.Content = func(w http.ResponseWriter, q *http.Request) bool {
		if cut++; cut > 2 {
			return false
		}
		from := 0
		if cut == 2 {
			from = 100
			w.Header().Set("Content-Range", fmt.Sprintf("bytes 100-%d/%d", len(whole)-1, len(whole)))
		}
		w.Header().Set("Content-Length", strconv.Itoa(len(whole)-from)) // and 100 come
		if cut == 2 {
			w.WriteHeader(http.StatusPartialContent)
		}
		_, _ = w.Write(whole[from : from+100])
		return true
	}
	r.mustPull()
	var ranges []string
	for _, q := range r.server.Requests() {
		if q.Content {
			ranges = append(ranges, q.Range)
		}
	}
	if !slices.Equal(ranges, []string{"", "bytes=100-", "bytes=200-"}) {
		t.Errorf("ranges %q", ranges)
	}
}

func TestInterruptedPullIsResumedByTheNext(t *testing.T) {
	r := newRig(t, hubtest.Guard())
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	r.server.Content = func(w http.ResponseWriter, q *http.Request) bool {
		w.Header().Set("Content-Length", r.size())
		_, _ = w.Write(r.server.Files[graphFile][:300])
		_ = http.NewResponseController(w).Flush()
		time.AfterFunc(50*time.Millisecond, cancel)
		<-q.Context().Done()
		return true
	}
	if _, err := r.pull(ctx); !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v", err)
	}
	if _, err := os.Stat(r.order.Dir); err == nil {
		t.Fatal("half a bundle")
	}
	r.server.Content = nil
	r.mustPull()
	all := r.server.Requests()
	if last := all[len(all)-1]; last.Range != "bytes=300-" {
		t.Errorf("last request %+v", last)
	}
}

func TestServerThatDoesNotContinueSendsAll(t *testing.T) {
	r := newRig(t, hubtest.Guard())
	first := true
	r.server.Content = func(w http.ResponseWriter, q *http.Request) bool {
		data := r.server.Files[graphFile]
		w.Header().Set("Content-Length", r.size())
		if first {
			data = data[:10]
		}
		first = false
		_, _ = w.Write(data)
		return true
	}
	r.mustPull()
}

// A part on disk that is longer than the file, or of another one, is begun anew.
func TestPartThatDoesNotFitIsBegunAnew(t *testing.T) {
	for name, more := range map[string]int{"longer": 1, "as long": 0} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, hubtest.Guard())
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			r.server.Content = func(w http.ResponseWriter, q *http.Request) bool {
				w.Header().Set("Content-Length", r.size())
				_, _ = w.Write(r.server.Files[graphFile][:7])
				_ = http.NewResponseController(w).Flush()
				time.AfterFunc(50*time.Millisecond, cancel)
				<-q.Context().Done()
				return true
			}
			if _, err := r.pull(ctx); err == nil {
				t.Fatal("no error")
			}
			r.server.Content = nil
			parts, err := filepath.Glob(r.order.Dir + ".partial/*.part")
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range parts {
				if info, err := os.Stat(p); err == nil && info.Size() == 7 { // the graph's
					if err := os.WriteFile(p, make([]byte, len(r.server.Files[graphFile])+more), 0o600); err != nil {
						t.Fatal(err)
					}
				}
			}
			if more == 0 {
				r.server.Content = func(w http.ResponseWriter, q *http.Request) bool { // without Content-Range
					w.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
					return true
				}
				r.refused("SHA-256 is") // and it is removed
				r.server.Content = nil
			}
			r.mustPull()
		})
	}
}

// A try that brings something is none of the five: they are counted from there.
func TestAPullIsGivenUpAfterFiveTriesInARowThatBringNothing(t *testing.T) {
	r := newRig(t, hubtest.Guard())
	tries := 0
	r.server.Content = func(w http.ResponseWriter, q *http.Request) bool {
		tries++
		if tries != 4 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return true
		}
		w.Header().Set("Content-Length", r.size())
		_, _ = w.Write(r.server.Files[graphFile][:100]) // and the connection breaks
		return true
	}
	r.refused(graphFile, "503")
	if n := r.asked(graphFile, true); n != 3+1+5 {
		t.Errorf("%d tries, want three that bring nothing, one that brings a part, and five", n)
	}
}

// S12: a hub that has the same bytes sent for ever is given up.
func TestAPartThatGrowsAgainBringsNothing(t *testing.T) {
	r := newRig(t, hubtest.Guard())
	r.server.Content = func(w http.ResponseWriter, q *http.Request) bool {
		if q.Header.Get("Range") != "" {
			w.Header().Set("Content-Range", "bytes 1-2/3") // which is not what was asked for
			w.WriteHeader(http.StatusPartialContent)
			return true
		}
		w.Header().Set("Content-Length", r.size())
		_, _ = w.Write(r.server.Files[graphFile][:100]) // and the connection breaks
		return true
	}
	r.refused(graphFile)
	if n := r.asked(graphFile, true); n != 1+5 {
		t.Errorf("%d tries, want one that brings a part, and five", n)
	}
}

func TestBusyHubIsAskedAgain(t *testing.T) {
	busy := func(status int, after string, times int) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, _ *http.Request) bool {
			if times--; times < 0 {
				return false
			}
			if after != "" {
				w.Header().Set("Retry-After", after)
			}
			w.WriteHeader(status)
			return true
		}
	}
	t.Run("429 for a second", func(t *testing.T) {
		r := newRig(t, hubtest.Guard())
		r.server.Hub = busy(429, "1", 1)
		start := time.Now()
		r.mustPull()
		if waited := time.Since(start); waited < time.Second {
			t.Errorf("waited %v", waited)
		}
	})
	t.Run("429 for an hour", func(t *testing.T) {
		r := newRig(t, hubtest.Guard())
		r.server.Hub = busy(429, "3600", 100)
		r.refused("429", "try again in 1h0m0s")
		if n := len(r.server.Requests()); n != 1 {
			t.Errorf("%d requests", n)
		}
	})
	t.Run("503 twice", func(t *testing.T) {
		r := newRig(t, hubtest.Guard())
		r.server.Hub = busy(503, "", 2)
		r.mustPull()
	})
	t.Run("500 for ever", func(t *testing.T) {
		r := newRig(t, hubtest.Guard())
		r.server.Hub = busy(500, "", 1000)
		r.refused("500")
		if n := len(r.server.Requests()); n != 5 {
			t.Errorf("%d requests, want 5", n)
		}
	})
}

// No file is larger than its bound, whether its size is announced or not.
func TestHugeFileIsRefused(t *testing.T) {
	t.Run("announced", func(t *testing.T) {
		r := newRig(t, hubtest.Guard())
		r.server.Hub = func(w http.ResponseWriter, q *http.Request) bool {
			if !strings.HasSuffix(q.URL.Path, ".onnx") {
				return false
			}
			w.Header().Set("X-Linked-Size", "3221225472")
			w.WriteHeader(http.StatusOK)
			return true
		}
		r.refused("3221225472 bytes")
	})
	t.Run("endless", func(t *testing.T) {
		r := newRig(t, hubtest.Guard())
		r.server.Hub = func(w http.ResponseWriter, q *http.Request) bool {
			for piece := make([]byte, 1<<16); ; {
				if _, err := w.Write(piece); err != nil {
					return true
				}
			}
		}
		r.refused("config.json", "more than 1048576 bytes")
		left, err := filepath.Glob(r.order.Dir + ".partial/*")
		if err != nil || len(left) != 0 {
			t.Errorf("left on disk: %v, %v", left, err)
		}
	})
}

func TestSilentServerIsGivenUp(t *testing.T) {
	r := newRig(t, hubtest.Guard())
	r.stall = 50 * time.Millisecond
	r.server.Content = func(w http.ResponseWriter, q *http.Request) bool {
		w.Header().Set("Content-Length", r.size())
		w.WriteHeader(http.StatusOK)
		_ = http.NewResponseController(w).Flush()
		<-q.Context().Done()
		return true
	}
	start := time.Now()
	r.refused(graphFile, "nothing came for too long")
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("took %v", took)
	}
}

// Slow is not silent: there is no bound on the whole.
func TestSlowServerIsWaitedFor(t *testing.T) {
	r := newRig(t, hubtest.Guard())
	r.stall = time.Second
	r.server.Content = func(w http.ResponseWriter, q *http.Request) bool {
		w.Header().Set("Content-Length", r.size())
		for _, piece := range slices.Collect(slices.Chunk(r.server.Files[graphFile], 60)) {
			_, _ = w.Write(piece)
			_ = http.NewResponseController(w).Flush()
			time.Sleep(120 * time.Millisecond)
		}
		return true
	}
	r.mustPull()
	if n := r.asked(graphFile, true); n != 1 {
		t.Errorf("%d requests", n)
	}
}
