//go:build mesh

package mesh

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
)

// surroundings is what a container's process is started with.
type surroundings struct {
	Root     string // becomes /
	ReadOnly bool
	Binds    []bind
	UID, GID int
	Groups   []int
	Args     []string // the first is the file, as seen from inside
	Env      []string
}

// bind shows a file or folder of the machine in the container.
type bind struct {
	From, To string
	ReadOnly bool
}

const noNewPrivs = 38 // PR_SET_NO_NEW_PRIVS

// becomeContainer makes the surroundings and becomes the process. It runs in the
// pod's network namespace; "ip netns exec" has given it a mount namespace of its own.
func becomeContainer(file string) {
	runtime.LockOSThread() // prctl is a thread's affair, and the thread that calls exec stays
	fmt.Fprintln(os.Stderr, "container:", enter(file))
	os.Exit(70)
}

func enter(file string) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var s surroundings
	if err := json.Unmarshal(data, &s); err != nil {
		return err
	}
	if mountNamespace() == os.Getenv(mountsVar) {
		return fmt.Errorf("this is the machine's own mount namespace")
	}
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	if err := syscall.Mount(s.Root, s.Root, "", syscall.MS_BIND, ""); err != nil {
		return fmt.Errorf("bind root: %w", err)
	}
	for _, b := range s.Binds {
		if err := b.mount(s.Root); err != nil {
			return fmt.Errorf("mount %s: %w", b.To, err)
		}
	}
	if s.ReadOnly {
		if err := syscall.Mount("", s.Root, "", syscall.MS_BIND|syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
			return fmt.Errorf("make root read-only: %w", err)
		}
	}
	if err := syscall.Chroot(s.Root); err != nil {
		return err
	}
	if err := os.Chdir("/"); err != nil {
		return err
	}
	if err := syscall.Setgroups(s.Groups); err != nil {
		return err
	}
	if err := syscall.Setgid(s.GID); err != nil {
		return err
	}
	if err := syscall.Setuid(s.UID); err != nil { // capabilities go with it, unless it stays root
		return err
	}
	if _, _, e := syscall.RawSyscall6(syscall.SYS_PRCTL, noNewPrivs, 1, 0, 0, 0, 0); e != 0 {
		return e
	}
	return fmt.Errorf("exec %s: %w", s.Args[0], syscall.Exec(s.Args[0], s.Args, s.Env))
}

// mount makes the place below root and binds.
func (b bind) mount(root string) error {
	info, err := os.Stat(b.From)
	if err != nil {
		return err
	}
	to := filepath.Join(root, b.To)
	dir := to
	if !info.IsDir() {
		dir = filepath.Dir(to)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if !info.IsDir() {
		f, err := os.OpenFile(to, os.O_CREATE, 0o644)
		if err != nil {
			return err
		}
		_ = f.Close()
	}
	if err := syscall.Mount(b.From, to, "", syscall.MS_BIND|syscall.MS_REC, ""); err != nil {
		return err
	}
	if !b.ReadOnly {
		return nil
	}
	return syscall.Mount("", to, "", syscall.MS_BIND|syscall.MS_REMOUNT|syscall.MS_RDONLY, "")
}
