//go:build mesh

package mesh

import "testing"

func mustAsk(t *testing.T, r request) answer {
	t.Helper()
	a, err := ask(r)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// The guide's test 1: a model that is asked for by its name.
func TestGuideExplicitModel(t *testing.T) {
	a := mustAsk(t, chat("llama3-8b", "hello"))
	if a.status != 200 || a.pool() != "llama3-8b" || a.model() != "llama3-8b" || a.selected() != "llama3-8b" {
		t.Errorf("%s", a)
	}
}

// The guide's test 2: a question of mathematics goes to phi4-mini.
func TestGuideAutoMath(t *testing.T) {
	a := mustAsk(t, chat("auto", "What is the derivative of x^3 * ln(x) with respect to x?"))
	if a.status != 200 || a.pool() != "phi4-mini" || a.model() != "phi4-mini" || a.selected() != "phi4-mini" {
		t.Errorf("%s", a)
	}
}
