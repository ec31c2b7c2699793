//go:build mesh

package mesh

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// examples/objectives, as the guide applies it: the picker of the default pool sees
// the objective of the route, with its priority, and never the one that a client
// sends. What came to no model's route, here because the router is gone, is batch.
func TestObjectives(t *testing.T) {
	rig.talkativePicker(t)
	folder := repoFile("deploy/kubernetes/examples/objectives")
	t.Cleanup(func() {
		rig.mustRun(t, "delete", "-k", folder)
		rig.settle(t)
	})
	rig.mustRun(t, "apply", "-k", folder)
	if err := until(60*time.Second, func() error {
		dump := rig.configDump(t)
		for _, want := range []string{"llama3-8b-interactive", "llama3-8b-batch"} {
			if !strings.Contains(dump, want) {
				return fmt.Errorf("no route of the gateway sets the objective %s", want)
			}
		}
		filters, err := rig.filters()
		if err == nil && !strings.Contains(strings.Join(filters, " "), "header_mutation") {
			err = fmt.Errorf("filters: %v", filters)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}

	forged := func(r request) request { return r.with("x-gateway-inference-objective", "llama3-8b-standard") }
	if a := mustAsk(t, forged(chat("llama3-8b", "hello"))); a.status != 200 || a.pool() != "llama3-8b" || a.selected() != "llama3-8b" {
		t.Errorf("by name: %s", a)
	}
	rig.wantObjective(t, "llama3-8b-interactive", 10)

	before := len(rig.routers())
	t.Cleanup(func() { rig.scale(t, "vsr-system", "vsr-proxy", before) })
	rig.scale(t, "vsr-system", "vsr-proxy", 0)
	if err := until(30*time.Second, func() error {
		a, err := ask(forged(chat("auto", "hello")))
		if err == nil && (a.status != 200 || a.pool() != "llama3-8b") {
			err = fmt.Errorf("%s", a)
		}
		return err
	}); err != nil {
		t.Errorf("without the router: %v", err)
	}
	rig.wantObjective(t, "llama3-8b-batch", -10)
	if log := rig.pickerLog(t); strings.Contains(log, `"objectiveKey":"llama3-8b-standard"`) {
		t.Error("the picker was told the client's objective")
	}
}

// talkativePicker has the default pool's picker write down each request for the rest
// of the test, with its objective: as shipped it does not.
func (m *mesh) talkativePicker(t *testing.T) {
	t.Helper()
	const picker = "llama3-8b-epp"
	t.Cleanup(func() {
		m.mustRun(t, "-n", "inference", "rollout", "undo", "deployment/"+picker)
		m.rolledOut(t, "inference", picker)
		m.settle(t)
	})
	m.mustRun(t, "-n", "inference", "patch", "deployment", picker, "--type=json", "-p",
		`[{"op": "add", "path": "/spec/template/spec/containers/0/args/-", "value": "--v=4"}]`)
	m.rolledOut(t, "inference", picker)
	m.settle(t)
}

func (m *mesh) pickerLog(t *testing.T) string {
	t.Helper()
	var log strings.Builder
	for _, r := range m.podsOf("inference", "llama3-8b-epp") {
		data, err := os.ReadFile(r.units[0].process.log)
		if err != nil {
			t.Fatal(err)
		}
		log.Write(data)
	}
	return log.String()
}

func (m *mesh) wantObjective(t *testing.T, name string, priority int) {
	t.Helper()
	if err := until(10*time.Second, func() error {
		for line := range strings.SplitSeq(m.pickerLog(t), "\n") {
			if strings.Contains(line, fmt.Sprintf(`"objectiveKey":%q`, name)) && strings.Contains(line, fmt.Sprintf(`"priority":%d`, priority)) {
				return nil
			}
		}
		return fmt.Errorf("the picker saw no request with the objective %s and the priority %d", name, priority)
	}); err != nil {
		t.Error(err)
	}
}
