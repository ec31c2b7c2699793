//go:build mesh

package mesh

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"testing"
)

// What the gateway's Envoy says of itself, on its admin port.

// configDump is what the gateway's Envoy has been programmed with.
func (m *mesh) configDump(t *testing.T) string {
	t.Helper()
	text, err := getText("http://" + gatewayIP + ":15000/config_dump")
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func getText(url string) (string, error) {
	resp, err := plain.Get(url)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", url, resp.Status)
	}
	return string(data), err
}

// listener is the gateway's listener as it is in use, not one that it still drains.
func (m *mesh) listener() (string, error) {
	text, err := getText("http://" + gatewayIP + ":15000/config_dump?resource=dynamic_listeners")
	if err != nil {
		return "", err
	}
	var dump struct {
		Configs []struct {
			Active struct {
				Listener json.RawMessage `json:"listener"`
			} `json:"active_state"`
		} `json:"configs"`
	}
	if err := json.Unmarshal([]byte(text), &dump); err != nil {
		return "", err
	}
	if len(dump.Configs) != 1 || len(dump.Configs[0].Active.Listener) == 0 {
		return "", fmt.Errorf("the gateway has %d listeners", len(dump.Configs))
	}
	return string(dump.Configs[0].Active.Listener), nil
}

// filters are the names of the HTTP filters of the gateway's listener, in order.
func (m *mesh) filters() ([]string, error) {
	text, err := m.listener()
	if err != nil {
		return nil, err
	}
	var listener struct {
		Chains  []filterChain `json:"filter_chains"`
		Default filterChain   `json:"default_filter_chain"`
	}
	if err := json.Unmarshal([]byte(text), &listener); err != nil {
		return nil, err
	}
	var names []string
	for _, chain := range append(listener.Chains, listener.Default) {
		for _, f := range chain.Filters {
			for _, h := range f.Config.Filters {
				names = append(names, h.Name)
			}
		}
	}
	return names, nil
}

type filterChain struct {
	Filters []struct {
		Config struct {
			Filters []struct {
				Name string `json:"name"`
			} `json:"http_filters"`
		} `json:"typed_config"`
	} `json:"filters"`
}

// endpointsAreKnown checks that the gateway calls those pods of the router and the
// pickers that there are: a pool without its picker answers as well, for a while.
func (m *mesh) endpointsAreKnown() error {
	text, err := getText("http://" + gatewayIP + ":15000/clusters?format=json")
	if err != nil {
		return err
	}
	var clusters struct {
		Statuses []struct {
			Name  string `json:"name"`
			Hosts []struct {
				Address struct {
					Socket struct {
						Address string `json:"address"`
					} `json:"socket_address"`
				} `json:"address"`
				Health struct {
					Ejected bool `json:"failed_outlier_check"`
				} `json:"health_status"`
			} `json:"host_statuses"`
		} `json:"cluster_statuses"`
	}
	if err := json.Unmarshal([]byte(text), &clusters); err != nil {
		return err
	}
	for name, pods := range map[string][]*running{
		"outbound|50051||vsr-proxy.vsr-system.svc.cluster.local":   m.routers(),
		"outbound|9002||llama3-8b-epp.inference.svc.cluster.local": m.podsOf("inference", "llama3-8b-epp"),
		"outbound|9002||phi4-mini-epp.inference.svc.cluster.local": m.podsOf("inference", "phi4-mini-epp"),
	} {
		var there, known []string
		for _, r := range pods {
			there = append(there, r.address)
		}
		for _, s := range clusters.Statuses {
			for _, h := range s.Hosts {
				if s.Name == name && !h.Health.Ejected {
					known = append(known, h.Address.Socket.Address)
				}
			}
		}
		slices.Sort(there)
		slices.Sort(known)
		if !slices.Equal(there, known) {
			return fmt.Errorf("the gateway calls %v for %s, where %v are", known, name, there)
		}
	}
	return nil
}
