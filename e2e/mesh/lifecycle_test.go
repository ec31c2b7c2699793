//go:build mesh

package mesh

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"
)

// run keeps a pod's containers running and its status true, until it is to go.
func (r *running) run() {
	for _, u := range r.units {
		if err := r.startUnit(u); err != nil {
			u.because = err
		}
	}
	last := ""
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-r.gone:
			r.end()
			return
		case <-tick.C:
		}
		for _, u := range r.units {
			r.tend(u, n)
		}
		if n%5 == 4 {
			if err := r.writeVolumes(); err != nil && !errors.Is(err, errNotFound) {
				fmt.Fprintf(os.Stderr, "mesh: kubelet: pod %s: %v\n", r.pod.Meta.Name, err)
			}
		}
		if status := r.status(); status != last {
			if r.report() == nil {
				last = status
			}
		}
	}
}

func (r *running) logName(u *unit) string {
	return r.pod.Meta.Namespace + "_" + r.pod.Meta.Name + "_" + u.spec.Name
}

func (r *running) startUnit(u *unit) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	env := []string{roleVar + "=pod", "VSR_MESH_CONTAINER=" + u.file, mountsVar + "=" + os.Getenv(mountsVar), "PATH=" + os.Getenv("PATH")}
	p, err := startProcess(r.kubelet.mesh.logs, r.logName(u), env, "ip", "netns", "exec", r.namespace, self)
	if err != nil {
		return err
	}
	u.mu.Lock()
	u.process, u.killed = p, false
	u.mu.Unlock()
	return nil
}

// tend restarts a container that has ended, and probes it. n counts tenths of a second.
func (r *running) tend(u *unit, n int) {
	u.mu.Lock()
	held, started, dead := u.held, u.started, u.process == nil || !u.process.running()
	surprise := dead && !u.killed && u.process != nil
	u.killed = u.killed || surprise // said once
	u.mu.Unlock()
	if surprise {
		r.kubelet.hasDied(r, u)
	}
	if dead {
		u.set(false, false, errors.New("the process has ended"))
		if held || n%10 != 0 {
			return
		}
		if err := r.startUnit(u); err == nil {
			u.mu.Lock()
			u.restarts++
			u.mu.Unlock()
		}
		return
	}
	if !started {
		if n%2 == 0 {
			err := r.probe(u, u.spec.Startup)
			u.set(err == nil, false, err)
		}
		return
	}
	// Not less than once a second, whatever the manifest says: the tests are short.
	period := 10
	if u.spec.Readiness != nil && u.spec.Readiness.Period == 1 {
		period = 5
	}
	u.mu.Lock()
	ready := u.ready
	u.mu.Unlock()
	if !ready || n%period == 0 {
		err := r.probe(u, u.spec.Readiness)
		u.set(true, u.passes(err), err)
	}
}

// passes says whether a container counts as ready after a probe: a ready one is
// allowed as many failures as the manifest says.
func (u *unit) passes(err error) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if err == nil {
		u.failures = 0
		return true
	}
	u.failures++
	return u.ready && u.failures < u.spec.Readiness.Failures
}

func (r *running) probe(u *unit, p *probe) error {
	if p == nil {
		return nil
	}
	return p.run(r.address, u.spec)
}

func (u *unit) set(started, ready bool, because error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.started, u.ready, u.because = started, ready, because
}

// status is what the API server has to know, as text to compare.
func (r *running) status() string {
	out := ""
	for _, u := range r.units {
		u.mu.Lock()
		out += fmt.Sprint(u.started, u.ready, u.restarts, " ")
		u.mu.Unlock()
	}
	return out
}

func (r *running) isReady() bool {
	for _, u := range r.units {
		u.mu.Lock()
		ready := u.ready
		u.mu.Unlock()
		if !ready {
			return false
		}
	}
	return true
}

// report patches the pod's status.
func (r *running) report() error {
	now := time.Now().UTC().Format(time.RFC3339)
	ready := map[bool]string{true: "True", false: "False"}[r.isReady()]
	var conditions, statuses []any
	for name, value := range map[string]string{"PodScheduled": "True", "Initialized": "True", "ContainersReady": ready, "Ready": ready} {
		conditions = append(conditions, map[string]any{"type": name, "status": value, "lastTransitionTime": now})
	}
	for _, u := range r.units {
		if u.spec.Restart == "Always" {
			continue // a sidecar: its status would stand in another list, which nobody here reads
		}
		u.mu.Lock()
		statuses = append(statuses, map[string]any{
			"name": u.spec.Name, "ready": u.ready, "started": u.started, "restartCount": u.restarts,
			"image": u.spec.Image, "imageID": u.spec.Image, "state": map[string]any{"running": map[string]any{"startedAt": now}},
		})
		u.mu.Unlock()
	}
	return r.kubelet.mesh.api.patch(r.pod.path()+"/status", map[string]any{"status": map[string]any{
		"phase": "Running", "podIP": r.address, "podIPs": []any{map[string]any{"ip": r.address}}, "hostIP": nodeIP,
		"startTime": now, "conditions": conditions, "containerStatuses": statuses,
	}})
}

// end is a pod's termination: the wait before the signal, the signal, the grace period.
func (r *running) end() {
	var all sync.WaitGroup
	for _, u := range r.units {
		all.Go(func() {
			if u.process == nil || !u.process.running() {
				return
			}
			time.Sleep(time.Duration(u.spec.Lifecycle.PreStop.Sleep.Seconds) * time.Second)
			u.process.stop(r.grace())
		})
	}
	all.Wait()
	r.removeNetwork()
	if err := r.kubelet.mesh.api.delete(r.pod.path() + "?gracePeriodSeconds=0"); err != nil && !errors.Is(err, errNotFound) {
		fmt.Fprintln(os.Stderr, "mesh: kubelet:", err)
	}
	r.kubelet.mu.Lock()
	delete(r.kubelet.pods, r.pod.Meta.UID)
	r.kubelet.mu.Unlock()
}

// crash kills a pod's processes without warning and keeps them from coming back,
// as if its machine had failed; the end of it is recover.
func (r *running) crash() {
	for _, u := range r.units {
		u.mu.Lock()
		u.held, u.killed = true, true
		p := u.process
		u.mu.Unlock()
		if p != nil {
			_ = p.cmd.Process.Signal(syscall.SIGKILL)
			<-p.done
		}
	}
}

func (r *running) recover() {
	for _, u := range r.units {
		u.mu.Lock()
		u.held = false
		u.mu.Unlock()
	}
}
