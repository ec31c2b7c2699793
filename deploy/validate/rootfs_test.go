package main

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

const smallConfig = `server: {listen: "127.0.0.1:0"}
admin: {listen: "127.0.0.1:0"}
models: [{name: m, endpoints: [{url: "http://127.0.0.1:9/v1"}]}]
routing: {default_model: m}
`

// S7: the root that deploy/rootfs.sh lays out for the image is all that the program needs: it starts there as user 65532,
// on a read-only root and without capabilities, and loads its model. Needs root, and no container runtime.
func TestImageRootIsAllThatTheProgramNeeds(t *testing.T) {
	binaryOr(t, true)
	if os.Getuid() != 0 || exec.Command("unshare", "--mount", "true").Run() != nil {
		t.Skip("needs root and mount namespaces")
	}
	root := filepath.Join(t.TempDir(), "root")
	if out, err := exec.Command("../rootfs.sh", root).CombinedOutput(); err != nil {
		t.Fatalf("rootfs.sh: %v: %s", err, out)
	}
	config := filepath.Join(root, "etc/vsr-proxy/config")
	if err := os.MkdirAll(config, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(config, "config.yaml"), []byte(smallConfig), 0o644); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	// A mount namespace of its own: what is mounted here ends with the process.
	cmd := exec.CommandContext(ctx, "unshare", "--mount", "--propagation", "private", "sh", "-euc", `
		mount --bind "$1" "$1"; mount -t proc proc "$1/proc"; mount -o remount,ro,bind "$1"
		exec chroot --userspec=65532:65532 "$1" /opt/vsr-proxy/vsr-proxy serve --config /etc/vsr-proxy/config/config.yaml`, "sh", root)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH")}
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 20 * time.Second
	output, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ready, log := false, ""
	for lines := bufio.NewScanner(output); !ready && lines.Scan(); {
		log += lines.Text() + "\n"
		ready = strings.Contains(lines.Text(), "msg=ready")
	}
	status, _ := os.ReadFile(filepath.Join("/proc", strconv.Itoa(cmd.Process.Pid), "status"))
	cancel()
	_ = cmd.Wait()
	if !ready {
		t.Fatalf("it did not get ready:\n%s", log)
	}
	for _, want := range []string{"Uid:\t65532\t65532\t65532\t65532", "CapEff:\t0000000000000000"} {
		if !strings.Contains(string(status), want) {
			t.Errorf("its status lacks %q:\n%s", want, status)
		}
	}
}
