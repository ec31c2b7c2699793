package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vsr-proxy/vsr-proxy/config"
)

// backend answers with its own name.
func backend(t *testing.T, name string) string {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"backend":%q}`, name)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// routingTo is a configuration whose only decision, called as its model, sends
// the word "ping" to model; keywords settle it, so the encoder stays out.
func routingTo(model, urlA, urlB string) string {
	return fmt.Sprintf(`
server: {listen: "127.0.0.1:0", pre_stop_wait: 0s}
admin: {listen: "127.0.0.1:0"}
log: {level: error}
models:
  - {name: a, endpoints: [{url: %q}]}
  - {name: b, endpoints: [{url: %q}]}
routing:
  default_model: a
  signals:
    keywords: [{name: ping, operator: OR, keywords: [ping]}]
  decisions:
    - {name: to-%s, rules: {type: keyword, name: ping}, model: %s}
`, urlA, urlB, model, model)
}

// startFile starts the app with a configuration file and drains it at the end.
func startFile(t *testing.T, file string) *app {
	t.Helper()
	t.Setenv("VSR_CLASSIFY_RUNTIME_PATH", library(t))
	a, err := start(context.Background(), func() (*config.Config, error) { return config.Load(file) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if !a.drain(context.Background(), 0) {
			t.Error("requests were cut at shutdown")
		}
	})
	return a
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// ask sends one routed request and gives the decision's name and the backend's.
func ask(door string) (decision, backend string, err error) {
	resp, err := http.Post(door+"/v1/chat/completions", "application/json",
		strings.NewReader(`{"model":"auto","messages":[{"role":"user","content":"ping"}]}`))
	if err != nil {
		return "", "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %d: %s", resp.StatusCode, body)
	}
	return resp.Header.Get("x-vsr-selected-decision"), string(body), err
}

// TestReloadUnderLoadDropsAndMixesNothing covers P1: 200 reloads, half of them
// of a broken file, while requests go on. Each answer is one configuration's
// from the decision to the backend.
func TestReloadUnderLoadDropsAndMixesNothing(t *testing.T) {
	urlA, urlB := backend(t, "a"), backend(t, "b")
	file := filepath.Join(t.TempDir(), "config.yaml")
	write(t, file, routingTo("a", urlA, urlB))
	a := startFile(t, file)
	door, _ := a.urls()

	stop := make(chan struct{})
	var clients sync.WaitGroup
	for range 8 {
		clients.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				decision, body, err := ask(door)
				if err != nil || !strings.Contains(body, `"`+strings.TrimPrefix(decision, "to-")+`"`) {
					t.Errorf("decision %q answered %q, error %v", decision, body, err)
					return
				}
			}
		})
	}
	for i := range 200 {
		switch i % 4 {
		case 0, 2:
			write(t, file, "models: [")
		case 1:
			write(t, file, routingTo("b", urlA, urlB))
		case 3:
			write(t, file, routingTo("a", urlA, urlB))
		}
		if err := a.reload(); (err != nil) != (i%2 == 0) {
			t.Fatalf("reload %d: %v", i, err)
		}
	}
	close(stop)
	clients.Wait()
}

// TestBadConfigurationNeverReplacesAGoodOne covers P1 and C8: the old one serves
// on, and the metric says that the last reload failed.
func TestBadConfigurationNeverReplacesAGoodOne(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config.yaml")
	good := routingTo("a", backend(t, "a"), backend(t, "b"))
	write(t, file, good)
	a := startFile(t, file)
	door, admin := a.urls()
	for name, text := range map[string]string{
		"syntax":   "models: [",
		"category": good + "  # \n" + "classify: {model_dir: /nowhere}\n",
		"empty":    "",
	} {
		write(t, file, text)
		if a.reload() == nil {
			t.Errorf("%s: reload succeeded", name)
		}
		if decision, _, err := ask(door); decision != "to-a" || err != nil {
			t.Errorf("%s: decision %q, %v", name, decision, err)
		}
	}
	if got := get(t, admin+"/metrics"); !strings.Contains(got, "vsr_config_last_reload_successful 0") {
		t.Error("the metric doesn't say that the last reload failed")
	}
}

func get(t *testing.T, url string) string {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// TestWatchSeesASymlinkSwapAndLeavesHalfAFileAlone covers P3: a ConfigMap's
// symbolic link changes target, with the same time of modification.
func TestWatchSeesASymlinkSwapAndLeavesHalfAFileAlone(t *testing.T) {
	urlA, urlB := backend(t, "a"), backend(t, "b")
	folder := t.TempDir()
	one, two, link := filepath.Join(folder, "one.yaml"), filepath.Join(folder, "two.yaml"), filepath.Join(folder, "config.yaml")
	write(t, one, routingTo("a", urlA, urlB))
	whole := routingTo("b", urlA, urlB)
	write(t, two, whole[:len(whole)/2])
	same := time.Now().Add(-time.Hour)
	for _, file := range []string{one, two} {
		if err := os.Chtimes(file, same, same); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(one, link); err != nil {
		t.Fatal(err)
	}
	a := startFile(t, link)
	a.watch(context.Background(), link)
	door, _ := a.urls()

	if err := os.Symlink(two, link+".new"); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(link+".new", link); err != nil {
		t.Fatal(err)
	}
	time.Sleep(3 * watchEvery) // the half file is refused
	if decision, _, err := ask(door); decision != "to-a" || err != nil {
		t.Fatalf("half a file was taken: decision %q, %v", decision, err)
	}
	write(t, two, whole)
	if err := os.Chtimes(two, same, same); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(10 * time.Second); ; {
		if decision, _, err := ask(door); err != nil {
			t.Fatal(err)
		} else if decision == "to-b" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the new target was not taken")
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// TestTakenPortLeavesNothingListening covers P4.
func TestTakenPortLeavesNothingListening(t *testing.T) {
	t.Setenv("VSR_CLASSIFY_RUNTIME_PATH", library(t))
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	free.Close()
	file := filepath.Join(t.TempDir(), "config.yaml")
	text := routingTo("a", "http://127.0.0.1:1", "http://127.0.0.1:1")
	text = strings.Replace(text, "127.0.0.1:0", free.Addr().String(), 1) // the door
	text = strings.Replace(text, "127.0.0.1:0", taken.Addr().String(), 1)
	write(t, file, text)
	_, err = start(context.Background(), func() (*config.Config, error) { return config.Load(file) })
	if err == nil || !strings.Contains(err.Error(), "admin.listen") {
		t.Fatalf("start: %v", err)
	}
	if c, err := net.Dial("tcp", free.Addr().String()); err == nil {
		c.Close()
		t.Error("the door still listens")
	}
}

// TestReadyOnlyWhenTheModelHasAnswered: readyz names model and accelerator, and
// turns to 503 when draining begins, while the door still answers (P2).
func TestReadyOnlyWhenTheModelHasAnswered(t *testing.T) {
	t.Setenv("VSR_CLASSIFY_RUNTIME_PATH", library(t))
	file := filepath.Join(t.TempDir(), "config.yaml")
	write(t, file, routingTo("a", backend(t, "a"), backend(t, "b")))
	a, err := start(context.Background(), func() (*config.Config, error) { return config.Load(file) })
	if err != nil {
		t.Fatal(err)
	}
	door, admin := a.urls()
	if got := get(t, admin+"/readyz"); !strings.Contains(got, `"ready": true`) || !strings.Contains(got, `"provider": "cpu"`) {
		t.Errorf("readyz says %s", got)
	}
	drained := make(chan bool)
	go func() { drained <- a.drain(context.Background(), time.Second) }()
	for deadline := time.Now().Add(5 * time.Second); strings.Contains(get(t, admin+"/readyz"), `"ready": true`); {
		if time.Now().After(deadline) {
			t.Fatal("still ready")
		}
	}
	if _, _, err := ask(door); err != nil {
		t.Errorf("refused before the listener closed: %v", err)
	}
	if !<-drained {
		t.Error("requests were cut")
	}
}
