//go:build mesh

package mesh

import (
	"context"
	"encoding/base64"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"
)

const nodeName = "mesh-node"

// kubelet runs the pods of the one node, and is its scheduler. It looks at the API
// server a few times a second: at this size that is simpler than watching.
type kubelet struct {
	mesh *mesh

	mu     sync.Mutex
	pods   map[string]*running // by UID
	next   int                 // last number of the next pod's address
	hosts  string              // the pods' /etc/hosts: what cluster DNS would answer
	links  map[string][]string // by namespace: the variables that name its services
	died   []string            // containers that ended by themselves
	broken map[string]string   // pods that can't run here, and why; by namespace/name
}

func (m *mesh) startNode(ctx context.Context) error {
	node := `
apiVersion: v1
kind: Node
metadata: {name: ` + nodeName + `, labels: {kubernetes.io/hostname: ` + nodeName + `, kubernetes.io/os: linux}}
`
	if err := m.api.apply(node); err != nil {
		return err
	}
	m.kubelet = &kubelet{mesh: m, pods: map[string]*running{}, next: firstPod, broken: map[string]string{}}
	go func() {
		for ctx.Err() == nil {
			if err := m.kubelet.sync(); err != nil {
				fmt.Fprintln(os.Stderr, "mesh: kubelet:", err)
				time.Sleep(time.Second)
			}
			time.Sleep(150 * time.Millisecond)
		}
	}()
	return nil
}

// sync starts the pods that are new and tells those that are to go.
func (k *kubelet) sync() error {
	if err := k.resolve(); err != nil {
		return err
	}
	var list podList
	if err := k.mesh.api.get("/api/v1/pods", &list); err != nil {
		return err
	}
	seen := map[string]bool{}
	for i := range list.Items {
		p := &list.Items[i]
		seen[p.Meta.UID] = true
		k.mu.Lock()
		known := k.pods[p.Meta.UID]
		k.mu.Unlock()
		switch {
		case known != nil && p.Meta.DeletionTimestamp != "":
			known.terminate()
		case known == nil && p.Meta.DeletionTimestamp == "":
			k.admit(p)
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for uid, r := range k.pods {
		if !seen[uid] {
			r.terminate()
		}
	}
	return nil
}

// admit gives a pod to the node, with an address, and runs it.
func (k *kubelet) admit(p *pod) {
	name := p.Meta.Namespace + "/" + p.Meta.Name
	k.mu.Lock()
	address := p.Meta.Annotations["mesh/address"]
	if address == "" {
		address = fmt.Sprint(podIPs, k.next)
		k.next++
	}
	k.mu.Unlock()
	r, err := k.prepare(p, address)
	if err == nil && p.Spec.NodeName == "" {
		err = k.mesh.api.post(p.path()+"/binding", map[string]any{
			"apiVersion": "v1", "kind": "Binding", "metadata": map[string]any{"name": p.Meta.Name},
			"target": map[string]any{"kind": "Node", "name": nodeName},
		}, nil)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if err != nil {
		if k.broken[name] != err.Error() {
			fmt.Fprintf(os.Stderr, "mesh: kubelet: pod %s: %v\n", name, err)
		}
		k.broken[name] = err.Error()
		if r != nil {
			r.removeNetwork()
		}
		return
	}
	delete(k.broken, name)
	k.pods[p.Meta.UID] = r
	go r.run()
}

// resolve works out what the cluster's DNS would say, for the pods' /etc/hosts. It
// differs in one thing: a service's name gives a ready pod's address and not the
// service's own, which nothing here would serve. So it is of use where the
// service's port is the pod's.
func (k *kubelet) resolve() error {
	var slices struct {
		Items []struct {
			Meta      meta `json:"metadata"`
			Endpoints []struct {
				Addresses  []string `json:"addresses"`
				Conditions struct {
					Ready *bool `json:"ready"`
				} `json:"conditions"`
			} `json:"endpoints"`
		} `json:"items"`
	}
	if err := k.mesh.api.get("/apis/discovery.k8s.io/v1/endpointslices", &slices); err != nil {
		return err
	}
	hosts := "127.0.0.1 localhost\n"
	for _, s := range slices.Items {
		service, namespace := s.Meta.Labels["kubernetes.io/service-name"], s.Meta.Namespace
		for _, e := range s.Endpoints {
			if ready := e.Conditions.Ready; service == "" || len(e.Addresses) == 0 || (ready != nil && !*ready) {
				continue
			}
			hosts += fmt.Sprintf("%[1]s %[2]s.%[3]s %[2]s.%[3]s.svc %[2]s.%[3]s.svc.cluster.local\n", e.Addresses[0], service, namespace)
			break
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.hosts == hosts {
		return nil
	}
	k.hosts = hosts
	for _, r := range k.pods {
		r.writeHosts(hosts)
	}
	return nil
}

// serviceLinks are the variables that a namespace's services become in pods that
// do not switch them off.
func (k *kubelet) serviceLinks(namespace string) ([]string, error) {
	var list struct {
		Items []struct {
			Meta meta `json:"metadata"`
			Spec struct {
				ClusterIP string `json:"clusterIP"`
				Ports     []struct {
					Port int `json:"port"`
				} `json:"ports"`
			} `json:"spec"`
		} `json:"items"`
	}
	if err := k.mesh.api.get("/api/v1/namespaces/"+namespace+"/services", &list); err != nil {
		return nil, err
	}
	var out []string
	for _, s := range list.Items {
		if len(s.Spec.Ports) == 0 || s.Spec.ClusterIP == "None" {
			continue
		}
		name := strings.ToUpper(strings.ReplaceAll(s.Meta.Name, "-", "_"))
		out = append(out, fmt.Sprintf("%s_SERVICE_HOST=%s", name, s.Spec.ClusterIP),
			fmt.Sprintf("%s_SERVICE_PORT=%d", name, s.Spec.Ports[0].Port),
			fmt.Sprintf("%s_PORT=tcp://%s:%d", name, s.Spec.ClusterIP, s.Spec.Ports[0].Port))
	}
	return out, nil
}

// find gives the running pods of a namespace whose labels hold key=value.
func (k *kubelet) find(namespace, key, value string) []*running {
	k.mu.Lock()
	defer k.mu.Unlock()
	var out []*running
	for _, r := range k.pods {
		if r.pod.Meta.Namespace == namespace && r.pod.Meta.Labels[key] == value && !r.terminating() {
			out = append(out, r)
		}
	}
	return out
}

// hasDied notes a container that ended by itself.
func (k *kubelet) hasDied(r *running, u *unit) {
	text := fmt.Sprintf("pod %s container %s ended by itself: %s", r.pod.Meta.Name, u.spec.Name, tail(u.process.log, 3))
	fmt.Fprintln(os.Stderr, "mesh: kubelet:", text)
	k.mu.Lock()
	k.died = append(k.died, text)
	k.mu.Unlock()
}

// leaving counts the pods that were told to go and still run.
func (k *kubelet) leaving(namespace, key, value string) int {
	k.mu.Lock()
	defer k.mu.Unlock()
	n := 0
	for _, r := range k.pods {
		if r.pod.Meta.Namespace == namespace && r.pod.Meta.Labels[key] == value && r.terminating() {
			n++
		}
	}
	return n
}

func decodeBase64(s string) string {
	out, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		return ""
	}
	return string(out)
}
