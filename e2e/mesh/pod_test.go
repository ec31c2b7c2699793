//go:build mesh

package mesh

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// running is a pod on the node.
type running struct {
	kubelet   *kubelet
	pod       *pod
	address   string
	namespace string // of the network
	dir       string
	token     string
	written   map[string]files // volumes as they were last written
	units     []*unit
	gone      chan struct{} // closed when the pod is to go
	once      sync.Once
}

// unit is a container and its process.
type unit struct {
	spec    *container
	file    string // of its surroundings
	process *process

	mu       sync.Mutex
	held     bool // do not start it again: a test plays a node that has failed
	started  bool // the startup probe has passed
	ready    bool
	restarts int
	killed   bool  // by a test
	failures int   // of the readiness probe, in a row
	because  error // of not being ready
}

// prepare makes a pod's network, volumes and containers; nothing runs yet.
func (k *kubelet) prepare(p *pod, address string) (*running, error) {
	r := &running{
		kubelet: k, pod: p, address: address, written: map[string]files{}, gone: make(chan struct{}),
		namespace: k.mesh.prefix + "-" + address[strings.LastIndexByte(address, '.')+1:],
		dir:       k.mesh.file("pods/" + p.Meta.Namespace + "_" + p.Meta.Name),
	}
	if err := r.writeVolumes(); err != nil {
		return nil, err
	}
	containers := p.Spec.Containers
	for _, c := range p.Spec.InitContainers {
		if c.Restart != "Always" {
			return nil, fmt.Errorf("init container %s: only those that stay, as sidecars, are run here", c.Name)
		}
		containers = append(containers, c)
	}
	for i := range containers {
		u := &unit{spec: &containers[i]}
		s, err := r.surroundings(u.spec)
		if err != nil {
			return nil, fmt.Errorf("container %s: %w", u.spec.Name, err)
		}
		data, err := json.Marshal(s)
		if err != nil {
			return nil, err
		}
		u.file = filepath.Join(r.dir, u.spec.Name+".json")
		if err := os.WriteFile(u.file, data, 0o600); err != nil {
			return nil, err
		}
		r.units = append(r.units, u)
	}
	k.mu.Lock()
	r.writeHosts(k.hosts)
	k.mu.Unlock()
	return r, makePodNetwork(r.namespace, address)
}

func (r *running) volumeDir(name string) string { return filepath.Join(r.dir, "volumes", name) }
func (r *running) rootDir(c string) string      { return filepath.Join(r.dir, c) }

func (r *running) removeNetwork() { _, _ = ip("netns", "del", r.namespace) }

func (r *running) writeHosts(hosts string) {
	for _, u := range r.units {
		file := filepath.Join(r.rootDir(u.spec.Name), "etc", "hosts")
		if err := os.WriteFile(file+".new", []byte(hosts), 0o644); err == nil {
			_ = os.Rename(file+".new", file)
		}
	}
}

// surroundings turns a container of the manifest into what its process sees.
func (r *running) surroundings(c *container) (*surroundings, error) {
	img, err := r.kubelet.mesh.imageOf(c.Image)
	if err != nil {
		return nil, err
	}
	s := &surroundings{Root: r.rootDir(c.Name), ReadOnly: c.Security.ReadOnlyRoot != nil && *c.Security.ReadOnlyRoot}
	if err := makeRoot(s.Root, img.root); err != nil {
		return nil, err
	}
	if err := r.user(s, c, img.uid); err != nil {
		return nil, err
	}
	if s.Binds, err = system(img); err != nil {
		return nil, err
	}
	// Outer places before inner ones.
	mounts := slices.SortedFunc(slices.Values(c.Mounts), func(a, b mount) int { return len(a.MountPath) - len(b.MountPath) })
	for _, m := range mounts {
		from := filepath.Join(r.volumeDir(m.Name), m.SubPath)
		s.Binds = append(s.Binds, bind{from, m.MountPath, m.ReadOnly || r.written[m.Name] != nil})
	}
	env, err := r.environment(c)
	if err != nil {
		return nil, err
	}
	for _, v := range env {
		s.Env = append(s.Env, v[0]+"="+v[1])
	}
	s.Args = slices.Clone(img.entrypoint)
	if len(c.Command) > 0 {
		s.Args = expandAll(c.Command, env)
	}
	switch {
	case len(c.Args) > 0:
		s.Args = append(s.Args, expandAll(c.Args, env)...)
	case len(c.Command) == 0:
		s.Args = append(s.Args, img.cmd...)
	}
	return s, nil
}

// user works out who the process is. A pod that must not be root is not run as root.
func (r *running) user(s *surroundings, c *container, fromImage int) error {
	pick := func(own, pods *int, otherwise int) int {
		for _, p := range []*int{own, pods} {
			if p != nil {
				return *p
			}
		}
		return otherwise
	}
	p := r.pod.Spec.Security
	s.UID = pick(c.Security.RunAsUser, p.RunAsUser, fromImage)
	s.GID = pick(c.Security.RunAsGroup, p.RunAsGroup, fromImage)
	if p.FSGroup != nil {
		s.Groups = []int{*p.FSGroup}
	}
	for _, must := range []*bool{c.Security.RunAsNonRoot, p.RunAsNonRoot} {
		if must != nil && *must && s.UID == 0 {
			return fmt.Errorf("must not run as root, and its image would")
		}
	}
	return nil
}

// terminate lets the pod go, as a deletion does.
func (r *running) terminate() { r.once.Do(func() { close(r.gone) }) }

func (r *running) terminating() bool {
	select {
	case <-r.gone:
		return true
	default:
		return false
	}
}

func (r *running) grace() time.Duration { return time.Duration(r.pod.Spec.Grace) * time.Second }
