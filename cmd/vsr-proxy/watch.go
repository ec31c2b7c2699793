package main

import (
	"context"
	"crypto/sha256"
	"io"
	"os"
	"time"
)

// watchEvery is how often the files are looked at. They are compared by content
// and not by event or time, because a ConfigMap changes by a symbolic link and
// editors write in every way there is.
const watchEvery = time.Second

// watch reloads when the configuration file or a key file that it names
// changes, until ctx ends. A change is taken when two looks see the same, so that
// a file in the middle of being written is left alone; one that was refused is
// tried again only after it changed.
func (a *app) watch(ctx context.Context, file string) {
	ctx, a.stopWatching = context.WithCancel(ctx)
	a.watching.Go(func() {
		tick := time.NewTicker(watchEvery)
		defer tick.Stop()
		loaded := fingerprint(a.files(file))
		before := loaded
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			now := fingerprint(a.files(file))
			settled := now == before
			before = now
			if now == loaded || !settled {
				continue
			}
			loaded = now
			_ = a.reload() // logged and counted there
		}
	})
}

func (a *app) files(file string) []string {
	gen := a.current.Acquire()
	if gen == nil {
		return []string{file}
	}
	defer gen.Release()
	return append([]string{file}, gen.Config.Files()...)
}

// fingerprint is one hash over the files' contents; a missing file counts as
// empty.
func fingerprint(files []string) [sha256.Size]byte {
	h := sha256.New()
	for _, name := range files {
		io.WriteString(h, name+"\x00")
		if f, err := os.Open(name); err == nil {
			_, _ = io.Copy(h, f)
			_ = f.Close()
		}
	}
	return [sha256.Size]byte(h.Sum(nil))
}
