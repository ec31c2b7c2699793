//go:build mesh

package mesh

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
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
	if err := makeRoot(s.Root); err != nil {
		return nil, err
	}
	if err := r.user(s, c, img.uid); err != nil {
		return nil, err
	}
	for _, system := range []string{"/usr/lib", "/lib", "/lib64", "/proc", "/sys"} {
		s.Binds = append(s.Binds, bind{system, system, system[1] == 'u' || system[1] == 'l'})
	}
	for _, device := range []string{"null", "zero", "urandom", "random"} {
		s.Binds = append(s.Binds, bind{"/dev/" + device, "/dev/" + device, false})
	}
	for inside, file := range img.files {
		s.Binds = append(s.Binds, bind{file, inside, true})
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
	s.Args = append(s.Args, expandAll(c.Args, env)...)
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

// makeRoot is an image's bare file system.
func makeRoot(root string) error {
	for _, dir := range []string{"etc", "tmp"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			return err
		}
	}
	for name, text := range map[string]string{
		"etc/passwd":        "root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n",
		"etc/group":         "root:x:0:\nnonroot:x:65532:\n",
		"etc/nsswitch.conf": "hosts: files\n",
		"etc/resolv.conf":   "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n",
	} {
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return os.Chmod(filepath.Join(root, "tmp"), 0o777)
}

// environment gives names and values, in the manifest's order.
func (r *running) environment(c *container) ([][2]string, error) {
	env := [][2]string{{"PATH", "/usr/local/bin:/usr/bin:/bin"}, {"HOSTNAME", r.pod.Meta.Name},
		{"KUBERNETES_SERVICE_HOST", nodeIP}, {"KUBERNETES_SERVICE_PORT", "6443"}}
	if on := r.pod.Spec.ServiceLinks; on == nil || *on {
		links, err := r.kubelet.serviceLinks(r.pod.Meta.Namespace)
		if err != nil {
			return nil, err
		}
		for _, link := range links {
			name, value, _ := strings.Cut(link, "=")
			env = append(env, [2]string{name, value})
		}
	}
	for _, v := range c.Env {
		value, there, err := r.value(&v, c)
		if err != nil {
			return nil, fmt.Errorf("env %s: %w", v.Name, err)
		}
		if there {
			env = append(env, [2]string{v.Name, expand(value, env)})
		}
	}
	return env, nil
}

func (r *running) value(v *envVar, c *container) (value string, there bool, err error) {
	switch from := v.From; {
	case from == nil:
		return v.Value, true, nil
	case from.Field != nil:
		return r.field(from.Field.FieldPath), true, nil
	case from.Resource != nil:
		value, err = quantity(c, from.Resource.Resource)
		return value, true, err
	case from.ConfigMap != nil:
		return r.key("configmaps", from.ConfigMap)
	case from.Secret != nil:
		return r.key("secrets", from.Secret)
	}
	return "", false, fmt.Errorf("of a kind that the kubelet here does not know")
}

func (r *running) key(kind string, ref *keyRef) (string, bool, error) {
	all := files{}
	if err := r.add(all, kind, &fileSource{Name: ref.Name, Optional: ref.Optional}); err != nil {
		return "", false, err
	}
	value, there := all[ref.Key]
	if !there && !ref.Optional {
		return "", false, fmt.Errorf("%s %s has no key %s", kind, ref.Name, ref.Key)
	}
	return value, there, nil
}

var labelPath = regexp.MustCompile(`^metadata\.(labels|annotations)\['(.*)'\]$`)

func (r *running) field(path string) string {
	switch path {
	case "metadata.name":
		return r.pod.Meta.Name
	case "metadata.namespace":
		return r.pod.Meta.Namespace
	case "metadata.uid":
		return r.pod.Meta.UID
	case "status.podIP", "status.podIPs":
		return r.address
	case "status.hostIP":
		return nodeIP
	case "spec.nodeName":
		return nodeName
	case "spec.serviceAccountName":
		return r.pod.Spec.ServiceAccountName
	}
	if m := labelPath.FindStringSubmatch(path); m != nil && m[1] == "labels" {
		return r.pod.Meta.Labels[m[2]]
	} else if m != nil {
		return r.pod.Meta.Annotations[m[2]]
	}
	return ""
}

// quantity is a container's resource as a whole number: bytes, or processors rounded up.
func quantity(c *container, resource string) (string, error) {
	kind, name, _ := strings.Cut(resource, ".")
	text := map[string]map[string]string{"limits": c.Resources.Limits, "requests": c.Resources.Requests}[kind][name]
	for suffix, factor := range map[string]int{"Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30, "": 1} {
		if n, err := strconv.Atoi(strings.TrimSuffix(text, suffix)); err == nil {
			return strconv.Itoa(n * factor), nil
		}
	}
	if n, err := strconv.Atoi(strings.TrimSuffix(text, "m")); err == nil {
		return strconv.Itoa((n + 999) / 1000), nil
	}
	return "", fmt.Errorf("resource %s is %q", resource, text)
}

var variable = regexp.MustCompile(`\$\(([A-Za-z_][A-Za-z0-9_]*)\)`)

// expand puts values in the place of $(NAME); a name that is not known stays.
func expand(text string, env [][2]string) string {
	return variable.ReplaceAllStringFunc(text, func(ref string) string {
		for _, v := range slices.Backward(env) {
			if v[0] == ref[2:len(ref)-1] {
				return v[1]
			}
		}
		return ref
	})
}

func expandAll(texts []string, env [][2]string) []string {
	out := make([]string, len(texts))
	for i, text := range texts {
		out[i] = expand(text, env)
	}
	return out
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
