//go:build mesh

package mesh

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// One binary in three parts. The supervisor makes the network and takes
// everything down, whatever becomes of the tests. The tests run inside of the
// node's namespace, where they reach pods and control plane by their addresses.
// A pod is this binary too, until it has made the container's surroundings and
// becomes the container's process.
const (
	mountsVar  = "VSR_MESH_MOUNTS" // the supervisor's mount namespace, which no container may touch
	roleVar    = "VSR_MESH_ROLE"
	prefixVar  = "VSR_MESH_PREFIX"
	scratchVar = "VSR_MESH_SCRATCH"
)

// exitNotRun is what a caller tells from a failure: something that the tests need
// is not there.
const exitNotRun = 75

// rig is the mesh that all tests of one run share. It takes half a minute to come up.
var rig *mesh

var hold = flag.Bool("mesh.hold", false, "keep the mesh up after the tests, until interrupted")

func TestMain(m *testing.M) {
	flag.Parse()
	switch os.Getenv(roleVar) {
	case "pod":
		becomeContainer(os.Getenv("VSR_MESH_CONTAINER"))
	case "node":
		os.Exit(runTests(m))
	default:
		os.Exit(supervise())
	}
}

// supervise runs this binary again inside of the node's namespace.
func supervise() int {
	if why := missing(); why != "" {
		fmt.Fprintln(os.Stderr, "mesh: not run:", why)
		return exitNotRun
	}
	sweep()
	scratch, err := os.MkdirTemp("", "vsr-mesh-")
	if err != nil {
		fmt.Fprintln(os.Stderr, "mesh:", err)
		return 1
	}
	prefix := prefixOf(os.Getpid())
	if err := makeNode(prefix); err != nil {
		fmt.Fprintln(os.Stderr, "mesh:", err)
		takeDown(prefix)
		return 1
	}
	defer takeDown(prefix)

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	cmd := exec.CommandContext(ctx, "ip", append([]string{"netns", "exec", prefix, "/proc/self/exe"}, os.Args[1:]...)...)
	if self, err := os.Executable(); err == nil {
		cmd.Args[4] = self // "/proc/self" would be ip's
	}
	cmd.Env = append(os.Environ(), roleVar+"=node", prefixVar+"="+prefix, scratchVar+"="+scratch, mountsVar+"="+mountNamespace())
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	// It dies with this process, and all that it started with it: it is the first of a process namespace.
	runtime.LockOSThread()
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID, Pdeathsig: syscall.SIGKILL}
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	err = cmd.Run()
	if err == nil && os.Getenv("VSR_MESH_KEEP") == "" {
		takeDown(prefix) // or the processes write on
		removeScratch(scratch)
		return 0
	}
	fmt.Fprintln(os.Stderr, "mesh: logs and state are kept in", scratch)
	if cmd.ProcessState != nil && cmd.ProcessState.ExitCode() > 0 {
		return cmd.ProcessState.ExitCode()
	}
	if err != nil {
		return 1
	}
	return 0
}

// removeScratch removes what was written, unless something of the machine is
// mounted in there: containers mount in namespaces of their own, so that is never so.
func removeScratch(scratch string) {
	if mounts, err := os.ReadFile("/proc/self/mountinfo"); err != nil || strings.Contains(string(mounts), " "+scratch) {
		fmt.Fprintln(os.Stderr, "mesh: something is mounted in", scratch, "which stays")
		return
	}
	_ = os.RemoveAll(scratch)
}

func mountNamespace() string {
	name, err := os.Readlink("/proc/self/ns/mnt")
	if err != nil {
		return err.Error()
	}
	return name
}

// runTests is the second part: the mesh comes up, the tests run.
func runTests(m *testing.M) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	up, err := start(ctx, os.Getenv(prefixVar), os.Getenv(scratchVar))
	if err != nil {
		fmt.Fprintln(os.Stderr, "mesh: did not come up:", err)
		printTails(os.Stderr, filepath.Join(os.Getenv(scratchVar), "log"), 12)
		return 1
	}
	rig = up
	status := m.Run()
	if status != 0 {
		printTails(os.Stderr, rig.logs, 12)
	}
	if *hold {
		fmt.Fprintf(os.Stderr, "mesh: up until interrupted\n  ip netns exec %s curl http://%s/v1/models\n  ip netns exec %s %s --kubeconfig %s get pods -A\n",
			rig.prefix, gatewayIP, rig.prefix, rig.tool("kubectl"), rig.kubeconfig)
		<-ctx.Done()
	}
	return status
}

// missing says in plain words what there is not, or nothing.
func missing() string {
	if os.Geteuid() != 0 {
		return "network namespaces need root"
	}
	if _, err := exec.LookPath("ip"); err != nil {
		return "the command ip is missing (iproute2)"
	}
	probe := prefixOf(os.Getpid()) + "-probe"
	if out, err := ip("netns", "add", probe); err != nil {
		return "no network namespace can be made here: " + out
	}
	defer func() { _, _ = ip("netns", "del", probe) }()
	if out, err := ip("netns", "exec", probe, "mount", "-t", "tmpfs", "none", "/mnt"); err != nil {
		return "nothing can be mounted in a namespace here: " + out
	}
	for _, file := range []string{toolsDir() + "/bin/kube-apiserver", envoyBinary(), repoFile("bin/vsr-proxy")} {
		if _, err := os.Stat(file); err != nil {
			return file + " is missing: scripts/e2e-mesh.sh builds or fetches what is needed"
		}
	}
	return ""
}

// The paths come from the script that built them; beside it, go test alone does too.
func toolsDir() string    { return envOr("VSR_MESH_TOOLS", "/nonexistent") }
func envoyBinary() string { return envOr("VSR_MESH_ENVOY", repoFile(".cache/envoy-1.40.0/envoy")) }

func envOr(name, otherwise string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return otherwise
}

// repoFile is a path of the repository; tests run in their package's folder.
func repoFile(name string) string {
	path, err := filepath.Abs(filepath.Join(envOr("VSR_MESH_REPO", "../.."), name))
	if err != nil {
		return name
	}
	return path
}

func prefixOf(pid int) string { return "vsrmesh" + strconv.Itoa(pid) }
