//go:build e2e

// Package e2e drives the built binary, bin/vsr-proxy, as a process: signals,
// open streams, clients that leave.
package e2e

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// demo is a running vsr-proxy demo.
type demo struct {
	cmd    *exec.Cmd
	Base   string `json:"base_url"`
	Admin  string `json:"admin_url"`
	exited chan error
}

func startDemo(t *testing.T, args ...string) *demo {
	t.Helper()
	binary, err := filepath.Abs(filepath.Join("..", "bin", "vsr-proxy"))
	if err != nil {
		t.Fatal(err)
	}
	args = append([]string{"demo", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--json-ready"}, args...)
	d := &demo{cmd: exec.Command(binary, args...), exited: make(chan error, 1)}
	d.cmd.Stderr = io.Discard
	out, err := d.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := d.cmd.Start(); err != nil {
		t.Fatalf("%v: run make build first", err)
	}
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, d)
	}
	if err != nil {
		_ = d.cmd.Process.Kill()
		t.Fatalf("the demo did not become ready: %v", err)
	}
	go func() { d.exited <- d.cmd.Wait() }()
	t.Cleanup(func() { _ = d.cmd.Process.Kill() })
	return d
}

// exit waits for the end of the process and gives its status.
func (d *demo) exit(t *testing.T, within time.Duration) int {
	t.Helper()
	select {
	case <-d.exited:
		return d.cmd.ProcessState.ExitCode()
	case <-time.After(within):
		t.Fatalf("still running after %v", within)
		return -1
	}
}

// stream asks for an answer of so many words and gives the open response.
func (d *demo) stream(t *testing.T, words string) *http.Response {
	t.Helper()
	resp, err := http.Post(d.Base+"/chat/completions", "application/json", strings.NewReader(
		`{"model":"llama3-8b","stream":true,"messages":[{"role":"user","content":"simulate:words:`+words+`"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("status %d", resp.StatusCode)
	}
	return resp
}

// TestTerminationLeavesOpenStreamsWhole covers P2: after SIGTERM readiness is
// 503 at once, the listener stays open for the pre-stop wait, 50 open streams
// end whole, and the exit status is 0.
func TestTerminationLeavesOpenStreamsWhole(t *testing.T) {
	t.Setenv("VSR_SERVER_PRE_STOP_WAIT", "1s")
	d := startDemo(t, "--token-delay", "20ms")
	const streams = 50
	var wg sync.WaitGroup
	whole := make(chan bool, streams)
	for range streams {
		resp := d.stream(t, "100")
		wg.Go(func() {
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			whole <- err == nil && strings.HasSuffix(strings.TrimSpace(string(body)), "data: [DONE]")
		})
	}
	if err := d.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(5 * time.Second); ; {
		resp, err := http.Get(d.Admin + "/readyz")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode == http.StatusServiceUnavailable {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("still ready after SIGTERM")
		}
	}
	if resp, err := http.Get(d.Base + "/models"); err != nil {
		t.Errorf("refused during the pre-stop wait: %v", err)
	} else {
		resp.Body.Close()
	}
	wg.Wait()
	close(whole)
	good := 0
	for ok := range whole {
		if ok {
			good++
		}
	}
	if good != streams {
		t.Errorf("%d of %d streams were whole", good, streams)
	}
	if code := d.exit(t, 30*time.Second); code != 0 {
		t.Errorf("exit status %d", code)
	}
}

// TestSecondSignalEndsAtOnce covers P2.
func TestSecondSignalEndsAtOnce(t *testing.T) {
	d := startDemo(t, "--token-delay", "1s")
	resp := d.stream(t, "100")
	defer resp.Body.Close()
	for range 2 {
		if err := d.cmd.Process.Signal(os.Interrupt); err != nil {
			t.Fatal(err)
		}
		time.Sleep(200 * time.Millisecond) // two equal signals at once are one
	}
	if code := d.exit(t, 5*time.Second); code == 0 {
		t.Error("exit status 0 although a stream was cut")
	}
}
