//go:build mesh

package mesh

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// examples/tenants: two namespaces with routes of their own to shared pools; each
// has a rate and a priority.
func TestTenants(t *testing.T) {
	rig.addTenants(t)
	teamA := func(r request) request { return r.with("Host", "team-a.example.com") }
	teamB := func(r request) request { return r.with("Host", "team-b.example.com") }

	t.Run("both are routed", func(t *testing.T) {
		for _, team := range []func(request) request{teamA, teamB} {
			if a := mustAsk(t, team(chat("llama3-8b", "hello"))); a.status != 200 || a.pool() != "llama3-8b" || a.selected() != "llama3-8b" {
				t.Errorf("by name: %s", a)
			}
			if a := mustAsk(t, team(chat("auto", mathPrompt)).with("x-selected-model", "llama3-8b")); a.status != 200 || a.pool() != "phi4-mini" || a.selected() != "phi4-mini" {
				t.Errorf("auto: %s", a)
			}
		}
	})
	t.Run("no team takes another's requests", func(t *testing.T) {
		rig.mustApply(t, `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: thief, namespace: team-b}
spec:
  parentRefs: [{name: inference-gateway, namespace: inference}]
  hostnames: [team-a.example.com, team-b.example.com]
  rules:
    - matches: [{path: {type: PathPrefix, value: /v1/chat/}}]
      backendRefs: [{group: inference.networking.k8s.io, kind: InferencePool, name: phi4-mini, namespace: inference}]
`)
		rig.waitForRoute(t, "team-b.thief.0", true) // for its own host name it is taken
		for range 5 {
			if a := mustAsk(t, teamA(chat("llama3-8b", "hello"))); a.status != 200 || a.pool() != "llama3-8b" {
				t.Errorf("team A: %s", a)
			}
		}
		rig.mustRun(t, "-n", "team-b", "delete", "httproute", "thief")
		rig.waitForRoute(t, "team-b.thief.0", false)
	})
	// What follows is team B's with its route called otherwise: its rate and its
	// objective don't hang on a name that it chooses.
	rig.renameRoute(t, "team-b")
	t.Run("a rate for each", func(t *testing.T) {
		// 20 at once and 10 a second for team B, 100 at once for team A.
		limited := map[string]int{}
		var mu sync.Mutex
		var all sync.WaitGroup
		for name, team := range map[string]func(request) request{"a": teamA, "b": teamB} {
			for range 4 {
				all.Go(func() {
					for range 15 {
						a, err := ask(team(chat("llama3-8b", "hello")))
						mu.Lock()
						switch {
						case err == nil && a.status == 429 && a.pod() == "" && a.header.Get("Retry-After") != "":
							limited[name]++
						case err != nil || a.status != 200:
							t.Errorf("team %s: %s %v", name, a, err)
						}
						mu.Unlock()
					}
				})
			}
		}
		all.Wait()
		if limited["a"] > 0 || limited["b"] < 10 {
			t.Errorf("of 60 requests each were limited: %v", limited)
		}
	})
	t.Run("priorities when a pool is full", func(t *testing.T) { shed(t, teamA, teamB) })
}

// shed fills the phi4-mini pool with team A's requests, whose objective has
// priority 10, until the picker turns away team B's, of priority -10. Team A's are
// never turned away, and when the queue is done team B is served again.
func shed(t *testing.T, teamA, teamB func(request) request) {
	slowly(t, "--max-num-seqs=1", "--time-to-first-token=1500ms")
	var all sync.WaitGroup
	full := make(chan struct{}) // closed when the pool need not be kept full any longer
	for i := range 20 {
		all.Go(func() {
			for {
				a, err := ask(teamA(chat("phi4-mini", fmt.Sprintf("%d: hello", i))))
				if err != nil || a.status != 200 || a.pool() != "phi4-mini" {
					t.Errorf("team A was turned away: %s %v", a, err)
				}
				select {
				case <-full:
					return
				default:
				}
			}
		})
	}
	if err := until(60*time.Second, func() error {
		a, err := ask(teamB(chat("phi4-mini", "hello")).within(3 * time.Second))
		if err == nil && (a.status != 429 || a.pod() != "" || !strings.Contains(string(a.body), "saturated")) {
			err = fmt.Errorf("team B is served by a full pool: %s", a)
		}
		return err
	}); err != nil {
		t.Error(err)
	}
	close(full)
	if a := mustAsk(t, teamB(chat("llama3-8b", "hello"))); a.status != 200 || a.pool() != "llama3-8b" {
		t.Errorf("team B at the other pool, which is not full: %s", a)
	}
	all.Wait()
	if err := until(60*time.Second, func() error {
		a, err := ask(teamB(chat("phi4-mini", "hello")))
		if err == nil && a.status != 200 {
			err = fmt.Errorf("%s", a)
		}
		return err
	}); err != nil {
		t.Errorf("team B, when the pool is free again: %v", err)
	}
}

// renameRoute puts a team's route in its own place under another name.
func (m *mesh) renameRoute(t *testing.T, team string) {
	t.Helper()
	data, err := os.ReadFile(repoFile("deploy/kubernetes/examples/tenants/" + team + "/httproute.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	m.mustApply(t, strings.Replace(string(data), "  name: models\n", "  name: renamed\n  namespace: "+team+"\n", 1))
	m.mustRun(t, "-n", team, "delete", "httproute", "models")
	m.waitForRoute(t, team+".models.0", false)
	m.waitForRoute(t, team+".renamed.0", true)
}

// waitForRoute waits until the gateway has a route of this name, or has none.
func (m *mesh) waitForRoute(t *testing.T, name string, there bool) {
	t.Helper()
	if err := until(30*time.Second, func() error {
		if strings.Contains(m.configDump(t), `"`+name+`"`) != there {
			return fmt.Errorf("the gateway has a route %s: %v", name, !there)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

// addTenants applies the example for the rest of the test.
func (m *mesh) addTenants(t *testing.T) {
	t.Helper()
	t.Cleanup(func() {
		m.mustRun(t, "delete", "namespace", "team-a", "team-b", "--wait=false")
		m.mustRun(t, "-n", "inference", "delete", "envoyfilter", "tenant-filters", "tenant-team-a", "tenant-team-b")
		m.mustRun(t, "-n", "inference", "delete", "inferenceobjective", "--all")
		m.mustRun(t, "-n", "inference", "delete", "referencegrant", "tenants")
		m.restore(t)
	})
	m.mustRun(t, "apply", "-f", repoFile("deploy/kubernetes/examples/tenants/namespaces.yaml"))
	m.mustApply(t, m.mine(t, "examples/tenants"))
	if err := until(60*time.Second, func() error {
		filters, err := m.filters()
		if err == nil && !strings.Contains(strings.Join(filters, " "), "header_mutation") {
			err = fmt.Errorf("filters: %v", filters)
		}
		if err != nil {
			return err
		}
		for _, host := range []string{"team-a.example.com", "team-b.example.com"} {
			a, err := ask(chat("llama3-8b", "hello").with("Host", host))
			if err == nil && a.status != 200 {
				err = fmt.Errorf("%s: %s", host, a)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}
