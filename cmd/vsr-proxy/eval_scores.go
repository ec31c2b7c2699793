package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// checkScores says, before an evaluation of minutes, whether scores can be written
// to a file. It changes nothing: what an earlier run wrote there is worth keeping
// until there is something to put in its place.
func (f evalFlags) checkScores(data string) error {
	old, err := os.Stat(f.scores)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	case isFile(old, data):
		return fmt.Errorf("%s holds the data: write scores to another file", f.scores)
	case isFile(old, f.config):
		return fmt.Errorf("%s holds the configuration: write scores to another file", f.scores)
	case old.IsDir():
		return fmt.Errorf("%s is a folder: write scores to a file", f.scores)
	case !old.Mode().IsRegular():
		return nil // to open a pipe would begin to write to it
	default:
		// A new file could take the place of one that may not be written to.
		if err := closed(os.OpenFile(f.scores, os.O_WRONLY, 0)); err != nil {
			return err
		}
	}
	beside, err := newFileBeside(behindLink(f.scores))
	if err != nil {
		return err
	}
	return errors.Join(beside.Close(), os.Remove(beside.Name()))
}

// isFile says whether a file is also found under that name, which may be empty.
func isFile(one os.FileInfo, name string) bool {
	other, err := os.Stat(name)
	return err == nil && os.SameFile(one, other)
}

func closed(f *os.File, err error) error {
	if err != nil {
		return err
	}
	return f.Close()
}

// behindLink is the file that a name leads to, if there is one.
func behindLink(name string) string {
	if file, err := filepath.EvalSymlinks(name); err == nil {
		return file
	}
	return name
}

// newFileBeside makes the file that takes another's place when it is whole. The
// number keeps runs apart.
func newFileBeside(file string) (*os.File, error) {
	return os.OpenFile(fmt.Sprintf("%s.%d.partial", file, os.Getpid()), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
}

// replaceFile gives a file new content: all of it, or none. What a link names is
// replaced and not the link; a device or a pipe is written to.
func replaceFile(file string, write func(io.Writer) error) error {
	old, err := os.Stat(file)
	if err == nil && !old.Mode().IsRegular() {
		device, err := os.OpenFile(file, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		return errors.Join(write(device), device.Close())
	}
	file = behindLink(file)
	beside, err := newFileBeside(file)
	if err != nil {
		return err
	}
	err = errors.Join(write(beside), beside.Close())
	if err == nil && old != nil {
		err = os.Chmod(beside.Name(), old.Mode().Perm())
	}
	if err == nil {
		err = os.Rename(beside.Name(), file)
	}
	if err != nil {
		return errors.Join(err, os.Remove(beside.Name()))
	}
	return nil
}
