//go:build mesh

package mesh

import (
	"strconv"
	"syscall"
	"testing"
	"time"
)

// outage is a way for a Deployment's pods to be away.
type outage struct {
	name string
	do   func(t *testing.T, namespace, deployment string)
}

// outages: removed is what a roll-out or an operator does, the endpoints go;
// crashed is a failure that the endpoints do not know of yet; hung is a process
// that still takes connections.
func outages() []outage {
	return []outage{
		{"removed", func(t *testing.T, namespace, deployment string) {
			before := len(rig.podsOf(namespace, deployment))
			t.Cleanup(func() {
				rig.scale(t, namespace, deployment, before)
				rig.settle(t)
			})
			rig.scale(t, namespace, deployment, 0)
		}},
		{"crashed", func(t *testing.T, namespace, deployment string) {
			pods := rig.podsOf(namespace, deployment)
			t.Cleanup(func() {
				for _, r := range pods {
					r.recover()
				}
				rig.settle(t)
			})
			for _, r := range pods {
				r.crash()
			}
		}},
		{"hung", func(t *testing.T, namespace, deployment string) {
			pods := rig.podsOf(namespace, deployment)
			t.Cleanup(func() {
				for _, r := range pods {
					r.signal(syscall.SIGCONT)
				}
				rig.settle(t)
			})
			for _, r := range pods {
				r.signal(syscall.SIGSTOP)
			}
		}},
	}
}

func (r *running) signal(s syscall.Signal) {
	for _, u := range r.units {
		_ = u.process.cmd.Process.Signal(s)
	}
}

// down asks again and again during an outage. Until the endpoints say that the
// pods are away, only allowed outcomes may be seen; then good must hold for good.
func down(t *testing.T, allowed func(answer, error) bool, good func(answer) bool, requests ...request) {
	t.Helper()
	seen := map[string]int{}
	held := 0
	deadline := time.Now().Add(90 * time.Second)
	for held < 5 {
		held++
		for _, r := range requests {
			if r.limit == 0 {
				r.limit = 5 * time.Second // message_timeout is 2 s
			}
			a, err := ask(r)
			seen[outcome(a, err)]++
			switch {
			case err == nil && good(a):
			case !allowed(a, err):
				t.Fatalf("%s: %v", a, err)
			default:
				held = 0
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("it goes on: %v", seen)
		}
		time.Sleep(100 * time.Millisecond) // not to wait for something: to see the states in between
	}
	t.Logf("answers: %v", seen)
}

func outcome(a answer, err error) string {
	switch {
	case err != nil:
		return "no answer in time"
	case a.status == 200:
		return "200 from " + a.pool()
	}
	return strconv.Itoa(a.status)
}

func fromDefaultPool(a answer) bool {
	return a.status == 200 && a.pool() == "llama3-8b" && a.selected() == ""
}

// refused is what the gateway says without the router, in OpenAI's form.
func refused(a answer) bool {
	return (a.status == 503 || a.status == 504) && a.pod() == "" && a.code() != ""
}

// X7: as shipped, the gateway keeps a body until the router has answered, so whatever
// happens to the router, each request is answered by the default pool, within
// message_timeout; also those that name a pool in a header. A 404 for want of a
// route there is never.
func TestRouterDownTheDefaultPoolAnswers(t *testing.T) {
	for _, o := range outages() {
		t.Run(o.name, func(t *testing.T) {
			o.do(t, "vsr-system", "vsr-proxy")
			down(t, func(answer, error) bool { return false }, fromDefaultPool,
				chat("auto", mathPrompt), chat("auto", mathPrompt).with("x-selected-model", "phi4-mini"), chat("llama3-8b", "hello"))
			// By name, a model that the default pool's servers don't have: they say so, in OpenAI's form.
			if a := mustAsk(t, chat("phi4-mini", "hello")); a.status != 404 || a.code() == "" {
				t.Errorf("phi4-mini by name: %s", a)
			}
		})
	}
}

// X7: with components/fail-closed, without the router nobody is served, 503 or 504, and
// never from a pool.
func TestRouterDownFailClosed(t *testing.T) {
	rig.withComponents(t, "fail-closed")
	for _, o := range outages() {
		t.Run(o.name, func(t *testing.T) {
			o.do(t, "vsr-system", "vsr-proxy")
			down(t, func(answer, error) bool { return false }, refused,
				chat("auto", mathPrompt), chat("auto", mathPrompt).with("x-selected-model", "phi4-mini"), chat("llama3-8b", "hello"))
		})
	}
}

// Bodies of 4 MB and more are streamed to the router, and no copy is kept: what
// was on its way when the router failed gets a 503, or waits if the router hangs,
// until the endpoints are gone; then the default pool answers these too.
func TestRouterDownLargeBodies(t *testing.T) {
	for _, o := range outages() {
		t.Run(o.name, func(t *testing.T) {
			o.do(t, "vsr-system", "vsr-proxy")
			large := withImage("llama3-8b", 4<<20).within(time.Minute)
			if o.name == "hung" {
				large = large.within(10 * time.Second)
			}
			down(t, func(a answer, err error) bool {
				return (o.name != "removed" && err == nil && refused(a)) || (o.name == "hung" && err != nil)
			}, fromDefaultPool, large)
		})
	}
}

// An endpoint picker down, as shipped, FailOpen: once its endpoint is gone the
// pool's replicas take turns; what was on its way gets a 5xx, for Istio streams
// bodies to pickers too. The other pool does not notice.
func TestPickerDownReplicasTakeTurns(t *testing.T) {
	for model, other := range map[string]string{"llama3-8b": "phi4-mini", "phi4-mini": "llama3-8b"} {
		for _, o := range outages() {
			t.Run(model+"/"+o.name, func(t *testing.T) {
				o.do(t, "inference", model+"-epp")
				seen := map[string]bool{}
				down(t, func(a answer, err error) bool {
					return a.selected() != other && ((err == nil && a.status >= 500) || (o.name == "hung" && err != nil))
				}, func(a answer) bool {
					if a.pool() == model {
						seen[a.pod()] = true
					}
					return a.status == 200 && a.pool() == a.selected()
				}, chat(model, "hello"), chat(other, "hello"))
				if len(seen) < 2 {
					t.Errorf("without the picker only %v answered", seen)
				}
			})
		}
	}
}
