//go:build mesh

package mesh

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// One namespace is the node: the control plane and the tests live there, and a
// bridge with 192.0.2.1/24 (TEST-NET-1, RFC 5737), without a route to anywhere.
// Each pod has a namespace and an address of its own on that bridge: endpoint
// slices refuse loopback addresses, and two pods may listen on the same port.
const (
	nodeIP    = "192.0.2.1"
	gatewayIP = "192.0.2.2"
	podIPs    = "192.0.2."
	firstPod  = 10
)

func ip(args ...string) (string, error) {
	out, err := exec.Command("ip", args...).CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

// ips runs several ip commands, up to the first that fails.
func ips(commands ...string) error {
	for _, command := range commands {
		if out, err := ip(strings.Fields(command)...); err != nil {
			return fmt.Errorf("ip %s: %w: %s", command, err, out)
		}
	}
	return nil
}

func makeNode(prefix string) error {
	return ips(
		"netns add "+prefix,
		"-n "+prefix+" link set lo up",
		"-n "+prefix+" link add br0 type bridge forward_delay 0 stp_state 0",
		"-n "+prefix+" addr add "+nodeIP+"/24 dev br0",
		"-n "+prefix+" link set br0 up",
	)
}

// makePodNetwork is called from within the node's namespace, where the interface's
// other end is made.
func makePodNetwork(namespace, address string) error {
	link := "v" + address[strings.LastIndexByte(address, '.')+1:]
	return ips(
		"netns add "+namespace,
		"-n "+namespace+" link set lo up",
		"link add "+link+" type veth peer name eth0 netns "+namespace,
		"link set "+link+" master br0 up",
		"-n "+namespace+" addr add "+address+"/24 dev eth0",
		"-n "+namespace+" link set eth0 up",
	)
}

// takeDown ends what runs in the namespaces of a prefix, and removes them. All
// processes in them are ours: the names carry the supervisor's process id.
func takeDown(prefix string) {
	for _, namespace := range namespaces(prefix) {
		out, _ := ip("netns", "pids", namespace)
		for _, field := range strings.Fields(out) {
			if pid, err := strconv.Atoi(field); err == nil && pid != os.Getpid() {
				_ = syscall.Kill(pid, syscall.SIGKILL)
			}
		}
	}
	for _, namespace := range namespaces(prefix) {
		_, _ = ip("netns", "del", namespace)
	}
}

func namespaces(prefix string) []string {
	entries, _ := filepath.Glob("/run/netns/" + prefix + "*")
	var out []string
	for _, e := range entries {
		if name := filepath.Base(e); name == prefix || strings.HasPrefix(name, prefix+"-") {
			out = append(out, name)
		}
	}
	return out
}

// sweep takes down what an earlier run left that could not do it itself.
func sweep() {
	nodes := regexp.MustCompile(`^vsrmesh(\d+)$`)
	entries, _ := filepath.Glob("/run/netns/vsrmesh*")
	for _, e := range entries {
		if m := nodes.FindStringSubmatch(filepath.Base(e)); m != nil {
			pid, _ := strconv.Atoi(m[1])
			if syscall.Kill(pid, 0) == syscall.ESRCH {
				takeDown(m[0])
			}
		}
	}
}

// until calls f every interval until it gives nil, and gives the last error when
// the time is over.
func until(limit time.Duration, f func() error) error {
	deadline := time.Now().Add(limit)
	for {
		err := f()
		if err == nil {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("not within %s: %w", limit, err)
		}
		time.Sleep(100 * time.Millisecond)
	}
}
