package main

import (
	"bufio"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// plain makes a connection per request.
var plain http.RoundTripper = &http.Transport{DisableKeepAlives: true}

// process is a running server.
type process struct {
	name, base string
	pid        int
	first      time.Duration // from start to the first 200
}

// child starts a server and waits until it says where it listens.
func child(cmd *exec.Cmd) (process, func(), error) {
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return process{}, nil, err
	}
	if err := cmd.Start(); err != nil {
		return process{}, nil, err
	}
	stop := func() {
		_ = cmd.Process.Signal(syscall.SIGINT)
		_ = cmd.Wait()
	}
	base, err := address(bufio.NewReader(out))
	if err != nil {
		stop()
		return process{}, nil, err
	}
	name := "stub"
	if len(cmd.Args) > 2 {
		name = cmd.Args[2]
	}
	return process{name: name, base: base, pid: cmd.Process.Pid}, stop, nil
}

// ticks is the kernel's unit of CPU time in /proc (USER_HZ), 100 per second on
// every Linux that Go runs on.
const ticks = 100

// cpu is the user and system time that the process has taken.
func (p process) cpu() (time.Duration, error) {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(p.pid), "stat"))
	if err != nil {
		return 0, err
	}
	// The command's name, in parentheses, may hold spaces; utime and stime are
	// the 12th and 13th fields after it (proc(5)).
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	if len(fields) < 13 {
		return 0, fmt.Errorf("stat of process %d is not as expected", p.pid)
	}
	user, err1 := strconv.ParseInt(fields[11], 10, 64)
	system, err2 := strconv.ParseInt(fields[12], 10, 64)
	if err1 != nil || err2 != nil {
		return 0, fmt.Errorf("stat of process %d is not as expected", p.pid)
	}
	return time.Duration(user+system) * time.Second / ticks, nil
}

// rssMB is the resident memory in MB of 10^6 bytes.
func (p process) rssMB() (float64, error) {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(p.pid), "status"))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			return kb * 1024 / 1e6, err
		}
	}
	return 0, fmt.Errorf("no VmRSS for process %d", p.pid)
}
