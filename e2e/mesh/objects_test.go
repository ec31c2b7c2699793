//go:build mesh

package mesh

// What the kubelet reads of the API's objects; the API server has validated them.

type meta struct {
	Name              string            `json:"name"`
	Namespace         string            `json:"namespace"`
	UID               string            `json:"uid"`
	Labels            map[string]string `json:"labels"`
	Annotations       map[string]string `json:"annotations"`
	DeletionTimestamp string            `json:"deletionTimestamp"`
}

type pod struct {
	Meta meta    `json:"metadata"`
	Spec podSpec `json:"spec"`
}

type podList struct {
	Items []pod `json:"items"`
}

func (p *pod) path() string { return "/api/v1/namespaces/" + p.Meta.Namespace + "/pods/" + p.Meta.Name }

type podSpec struct {
	NodeName           string          `json:"nodeName"`
	ServiceAccountName string          `json:"serviceAccountName"`
	ServiceLinks       *bool           `json:"enableServiceLinks"`
	Grace              int             `json:"terminationGracePeriodSeconds"`
	Security           securityContext `json:"securityContext"`
	InitContainers     []container     `json:"initContainers"`
	Containers         []container     `json:"containers"`
	Volumes            []volume        `json:"volumes"`
}

// securityContext is the pod's or a container's.
type securityContext struct {
	RunAsUser    *int  `json:"runAsUser"`
	RunAsGroup   *int  `json:"runAsGroup"`
	RunAsNonRoot *bool `json:"runAsNonRoot"`
	FSGroup      *int  `json:"fsGroup"`
	ReadOnlyRoot *bool `json:"readOnlyRootFilesystem"`
}

type container struct {
	Name      string          `json:"name"`
	Image     string          `json:"image"`
	Command   []string        `json:"command"`
	Args      []string        `json:"args"`
	Restart   string          `json:"restartPolicy"` // Always makes a sidecar of an init container
	Env       []envVar        `json:"env"`
	Ports     []port          `json:"ports"`
	Mounts    []mount         `json:"volumeMounts"`
	Security  securityContext `json:"securityContext"`
	Startup   *probe          `json:"startupProbe"`
	Readiness *probe          `json:"readinessProbe"`
	Liveness  *probe          `json:"livenessProbe"`
	Lifecycle struct {
		PreStop struct {
			Sleep struct {
				Seconds int `json:"seconds"`
			} `json:"sleep"`
		} `json:"preStop"`
	} `json:"lifecycle"`
	Resources struct {
		Requests map[string]string `json:"requests"`
		Limits   map[string]string `json:"limits"`
	} `json:"resources"`
}

type port struct {
	Name          string `json:"name"`
	ContainerPort int    `json:"containerPort"`
}

type envVar struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	From  *struct {
		Field     *fieldRef `json:"fieldRef"`
		ConfigMap *keyRef   `json:"configMapKeyRef"`
		Secret    *keyRef   `json:"secretKeyRef"`
		Resource  *struct {
			Resource string `json:"resource"`
		} `json:"resourceFieldRef"`
	} `json:"valueFrom"`
}

type fieldRef struct {
	FieldPath string `json:"fieldPath"`
}

type keyRef struct {
	Name     string `json:"name"`
	Key      string `json:"key"`
	Optional bool   `json:"optional"`
}

type mount struct {
	Name      string `json:"name"`
	MountPath string `json:"mountPath"`
	SubPath   string `json:"subPath"`
	ReadOnly  bool   `json:"readOnly"`
}

type probe struct {
	HTTP *struct {
		Path string `json:"path"`
		Port any    `json:"port"`
	} `json:"httpGet"`
	GRPC *struct {
		Port    int    `json:"port"`
		Service string `json:"service"`
	} `json:"grpc"`
	TCP *struct {
		Port any `json:"port"`
	} `json:"tcpSocket"`
	Period   int `json:"periodSeconds"`
	Timeout  int `json:"timeoutSeconds"`
	Failures int `json:"failureThreshold"`
}

type volume struct {
	Name      string        `json:"name"`
	ConfigMap *fileSource   `json:"configMap"`
	Secret    *secretSource `json:"secret"`
	EmptyDir  *struct{}     `json:"emptyDir"`
	Projected *struct {
		DefaultMode int `json:"defaultMode"`
		Sources     []struct {
			ConfigMap *fileSource `json:"configMap"`
			Secret    *fileSource `json:"secret"`
			Token     *struct {
				Path     string `json:"path"`
				Audience string `json:"audience"`
			} `json:"serviceAccountToken"`
			Downward *struct {
				Items []struct {
					Path  string   `json:"path"`
					Field fieldRef `json:"fieldRef"`
				} `json:"items"`
			} `json:"downwardAPI"`
		} `json:"sources"`
	} `json:"projected"`
}

type fileSource struct {
	Name        string `json:"name"`
	Optional    bool   `json:"optional"`
	DefaultMode int    `json:"defaultMode"`
	Items       []item `json:"items"`
}

type secretSource struct {
	Name        string `json:"secretName"`
	Optional    bool   `json:"optional"`
	DefaultMode int    `json:"defaultMode"`
	Items       []item `json:"items"`
}

type item struct {
	Key  string `json:"key"`
	Path string `json:"path"`
}

// dataObject is a ConfigMap or a Secret.
type dataObject struct {
	Data   map[string]string `json:"data"`
	Binary map[string][]byte `json:"binaryData"`
}
