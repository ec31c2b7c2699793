//go:build mesh

package mesh

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// process is something that was started, and its log.
type process struct {
	name string
	log  string
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
}

// startProcess runs a command in the node's namespace, its output in logs/NAME.log.
func startProcess(logs, name string, env []string, args ...string) (*process, error) {
	p := &process{name: name, log: filepath.Join(logs, name+".log"), done: make(chan struct{})}
	file, err := os.OpenFile(p.log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	p.cmd = exec.Command(args[0], args[1:]...)
	p.cmd.Env = env
	p.cmd.Stdout, p.cmd.Stderr = file, file
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // an interrupt at the terminal is the supervisor's affair
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	go func() {
		_ = p.cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

func (p *process) running() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.done
}

// stop asks, and insists after the grace period.
func (p *process) stop(grace time.Duration) {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(grace):
		p.kill()
	}
}

// ready waits until f gives nil, and gives up early if the process ends.
func (p *process) ready(limit time.Duration, f func() error) error {
	var ended bool
	err := until(limit, func() error {
		if !p.running() {
			ended = true
			return nil
		}
		return f()
	})
	if ended {
		err = errors.New("it ended")
	}
	if err != nil {
		return fmt.Errorf("%s is not ready: %w\n%s", p.name, err, tail(p.log, 10))
	}
	return nil
}

// tail is the last lines of a file.
func tail(file string, lines int) string {
	data, err := os.ReadFile(file)
	if err != nil {
		return err.Error()
	}
	all := strings.Split(strings.TrimRight(string(data), "\n"), "\n")
	if len(all) > lines {
		all = all[len(all)-lines:]
	}
	for i, line := range all {
		if len(line) > 400 {
			all[i] = line[:400] + "..."
		}
	}
	return strings.Join(all, "\n")
}

// printTails writes the end of every log.
func printTails(w io.Writer, logs string, lines int) {
	files, _ := filepath.Glob(filepath.Join(logs, "*.log"))
	for _, file := range files {
		text := tail(file, lines)
		if text = string(bytes.TrimSpace([]byte(text))); text != "" {
			fmt.Fprintf(w, "--- %s\n%s\n", filepath.Base(file), text)
		}
	}
}
