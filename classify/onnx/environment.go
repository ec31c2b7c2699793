package onnx

import (
	"fmt"
	"path/filepath"
	"sync"

	ort "github.com/yalue/onnxruntime_go"
)

// environment counts the users of ONNX Runtime in this process.
type environment struct {
	mu    sync.Mutex
	users int
	// The library that is loaded while there are users.
	path, sha256 string
}

// process is the one environment there can be: the binding keeps the library, its
// function table and its allocator in globals of its own, without a lock.
var process environment

// acquire loads the library at path, which has the hash given, or joins those who
// use it already. Each acquire that succeeds is followed by one release.
func (e *environment) acquire(path, sha256 string) error {
	path, err := filepath.Abs(path)
	if err != nil {
		return fmt.Errorf("find ONNX Runtime library: %w", err)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.users > 0 {
		if path != e.path || sha256 != e.sha256 {
			return fmt.Errorf("ONNX Runtime library %s (SHA-256 %s) is in use by this process, so %s (SHA-256 %s) cannot be "+
				"loaded: a restart is needed", e.path, e.sha256, path, sha256)
		}
		e.users++
		return nil
	}
	if err := start(path); err != nil {
		return err
	}
	e.users, e.path, e.sha256 = 1, path, sha256
	return nil
}

// start loads the library. Failures come back as errors, so the runtime need not
// write them to standard error too, between the lines of the program's log.
func start(path string) error {
	ort.SetSharedLibraryPath(path)
	if err := ort.InitializeEnvironment(ort.WithLogLevelFatal()); err != nil {
		return fmt.Errorf("load ONNX Runtime %s (version 1.24 or newer is needed): %w", path, err)
	}
	if err := ort.DisableTelemetry(); err != nil {
		_ = ort.DestroyEnvironment()
		return fmt.Errorf("start ONNX Runtime %s: %w", path, err)
	}
	return nil
}

func (e *environment) release() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.users--; e.users > 0 {
		return nil
	}
	if err := ort.DestroyEnvironment(); err != nil {
		return fmt.Errorf("unload ONNX Runtime: %w", err)
	}
	return nil
}
