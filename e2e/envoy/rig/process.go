// Package rig runs what the end-to-end tests and the benchmark behind Envoy are
// made of, each as a process of its own on loopback: a real Envoy with a static
// configuration, the built vsr-proxy as its external processor, and, in the
// caller's process, pools of stub backends that remember what arrived.
//
// It promises free ports, waiting by readiness and not by time, and that only
// processes it started are ended, by their ids. It sees the proxy from outside
// and must not know its rooms.
package rig

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Patience bounds each wait for something that takes a moment on an idle machine.
const Patience = 30 * time.Second

// Process is a child.
type Process struct {
	cmd    *exec.Cmd
	log    string
	exited chan struct{}
	once   sync.Once
}

// Start runs a program whose standard error goes to a file in folder.
func Start(folder, program string, args ...string) (*Process, error) {
	p, _, err := start(folder, false, program, args...)
	return p, err
}

// start runs a program whose standard error goes to a file in folder. With ready,
// it gives the first line of its standard output.
func start(folder string, ready bool, program string, args ...string) (p *Process, line string, err error) {
	file, err := os.CreateTemp(folder, filepath.Base(program)+"-*.log")
	if err != nil {
		return nil, "", err
	}
	defer file.Close()
	p = &Process{cmd: exec.Command(program, args...), log: file.Name(), exited: make(chan struct{})}
	p.cmd.Stderr = file
	// A test that is killed must leave nobody behind.
	p.cmd.SysProcAttr = dieWithParent()
	var out io.ReadCloser
	if ready {
		if out, err = p.cmd.StdoutPipe(); err != nil {
			return nil, "", err
		}
	}
	if err := p.cmd.Start(); err != nil {
		return nil, "", err
	}
	if ready {
		line, err = bufio.NewReader(out).ReadString('\n')
	}
	go func() {
		_ = p.cmd.Wait()
		close(p.exited)
	}()
	if err != nil {
		p.Kill()
		return nil, "", fmt.Errorf("%s ended before it was ready: %s", program, p.Log())
	}
	return p, line, nil
}

// PID is the process id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Log is what the process wrote to its standard error; the end of it.
func (p *Process) Log() string {
	const most = 64 << 10
	text, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-most):])
}

// Running tells whether the process has not ended.
func (p *Process) Running() bool {
	select {
	case <-p.exited:
		return false
	default:
		return true
	}
}

// Signal sends a signal to the process, and to no other.
func (p *Process) Signal(s syscall.Signal) error { return p.cmd.Process.Signal(s) }

// Hang stops the process where it is, with all that it has open, until SIGCONT. It
// returns when every thread stands still (Linux).
func (p *Process) Hang() error {
	if err := p.Signal(syscall.SIGSTOP); err != nil {
		return err
	}
	for deadline := time.Now().Add(Patience); ; time.Sleep(time.Millisecond) {
		files, err := filepath.Glob(filepath.Join("/proc", strconv.Itoa(p.PID()), "task", "*", "stat"))
		if err != nil || len(files) == 0 {
			return fmt.Errorf("threads of process %d: %w", p.PID(), err)
		}
		still := 0
		for _, file := range files {
			if text, err := os.ReadFile(file); err != nil || bytes.Contains(text, []byte(") T ")) {
				still++
			}
		}
		if still == len(files) {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("process %d goes on after SIGSTOP", p.PID())
		}
	}
}

// Kill ends the process at once and waits for its end.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill()
	<-p.exited
}

// Stop asks the process to end, and ends it if it does not.
func (p *Process) Stop() {
	p.once.Do(func() {
		_ = p.Signal(syscall.SIGINT)
		select {
		case <-p.exited:
		case <-time.After(5 * time.Second):
			p.Kill()
		}
	})
}

// ticks is the kernel's unit of CPU time in /proc (USER_HZ), 100 per second on
// every Linux that Go runs on.
const ticks = 100

// CPU is the user and system time that the process has taken, from /proc (Linux).
func (p *Process) CPU() (time.Duration, error) {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(p.PID()), "stat"))
	if err != nil {
		return 0, err
	}
	// The command's name, in parentheses, may hold spaces; utime and stime are
	// the 12th and 13th fields after it (proc(5)).
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	if len(fields) < 13 {
		return 0, fmt.Errorf("stat of process %d is not as expected", p.PID())
	}
	var sum time.Duration
	for _, field := range fields[11:13] {
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("stat of process %d is not as expected: %w", p.PID(), err)
		}
		sum += time.Duration(n) * time.Second / ticks
	}
	return sum, nil
}
