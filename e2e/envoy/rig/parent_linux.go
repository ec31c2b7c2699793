package rig

import "syscall"

// dieWithParent has the kernel end a child when the thread that started it ends.
// Go ends threads only for goroutines that lock one and exit, which none here do.
func dieWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
