package main

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// workload is a pod and who makes it.
type workload struct {
	owner  *unstructured.Unstructured
	labels map[string]string
	pod    map[string]any
}

// container is one of a pod; first says that it is among the init containers, and ends when it has done its work
// unless it is a sidecar.
type container struct {
	fields map[string]any
	first  bool
}

func (c container) name() string { return text(c.fields, "name") }

// sidecar is an init container that runs as long as the pod.
func (c container) sidecar() bool { return c.first && text(c.fields, "restartPolicy") == "Always" }

// once says that the container ends by itself.
func (c container) once() bool { return c.first && !c.sidecar() }

func (s *set) workloads() []workload {
	var found []workload
	for _, o := range s.objects {
		switch o.GetKind() {
		case "Deployment", "StatefulSet", "DaemonSet", "Job":
			template := table(o.Object, "spec", "template")
			found = append(found, workload{o, texts(template, "metadata", "labels"), table(template, "spec")})
		case "Pod":
			found = append(found, workload{o, o.GetLabels(), table(o.Object, "spec")})
		}
	}
	return found
}

func (w workload) containers() []container {
	var all []container
	for _, c := range list(w.pod, "initContainers") {
		all = append(all, container{c, true})
	}
	for _, c := range list(w.pod, "containers") {
		all = append(all, container{c, false})
	}
	return all
}

// port finds a container's port by its name.
func (w workload) port(name string) bool {
	for _, c := range w.containers() {
		for _, p := range list(c.fields, "ports") {
			if text(p, "name") == name {
				return true
			}
		}
	}
	return false
}
