//go:build mesh

package mesh

import "testing"

// The last test, by the name of its file. Whatever was done to the mesh, no
// container ended by itself, and each answers its liveness probe.
func TestNothingDiedByItself(t *testing.T) {
	k := rig.kubelet
	k.mu.Lock()
	for _, text := range k.died {
		t.Error(text)
	}
	var pods []*running
	for _, r := range k.pods {
		if !r.terminating() {
			pods = append(pods, r)
		}
	}
	k.mu.Unlock()
	probed := 0
	for _, r := range pods {
		for _, u := range r.units {
			if u.spec.Liveness == nil {
				continue
			}
			probed++
			if err := u.spec.Liveness.run(r.address, u.spec); err != nil {
				t.Errorf("%s: liveness probe: %v", r.pod.Meta.Name, err)
			}
		}
	}
	if probed < 8 {
		t.Errorf("only %d liveness probes were found", probed)
	}
}
