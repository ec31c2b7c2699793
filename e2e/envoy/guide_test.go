//go:build e2e

package envoy_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
)

// The guide's first test: a model named by the client is served by its own pool,
// with the body as it was sent.
func TestNamedModelGoesToItsPool(t *testing.T) {
	_, e := shared(t)
	for _, model := range []string{llama, phi} {
		body := chat(model, "Hello!", `,"temperature":0.10,"x":1e400`)
		r := call{body: body}.do(t, e.URL)
		if r.status != 200 || r.header.Get("X-Pool") != model || r.model() != model {
			t.Fatalf("%s: %v", model, r)
		}
		a := arrived(r.id)
		if len(a) != 1 || !bytes.Equal(a[0].Body, body) {
			t.Fatalf("%s: arrived %+v", model, a)
		}
		if got := a[0].Header["X-Selected-Model"]; len(got) != 1 || got[0] != model {
			t.Errorf("%s: x-selected-model %q", model, got)
		}
		if a[0].Header.Get("X-Vsr-Request-Id") == "" || a[0].Header.Get("X-Request-Id") == "" {
			t.Errorf("%s: no request id in %v", model, a[0].Header)
		}
	}
	quiet(t, e)
}

// The guide's second test: an automatic request about mathematics is served by
// phi4-mini, and says so in x-selected-model and in the body.
func TestMathematicsGoesToPhi(t *testing.T) {
	_, e := shared(t)
	r := call{body: chat("auto", mathPrompt)}.do(t, e.URL)
	if r.status != 200 || r.header.Get("X-Pool") != phi || r.model() != phi || r.header.Get("X-Vsr-Selected-Decision") != "math" || r.header.Get("X-Vsr-Selected-Category") != "math" {
		t.Fatal(r)
	}
	a := arrived(r.id)
	if len(a) != 1 || !bytes.Equal(a[0].Body, chat(phi, mathPrompt)) || a[0].Header.Get("X-Selected-Model") != phi {
		t.Fatalf("arrived %+v", a)
	}
	r = call{body: chat("auto", plainPrompt)}.do(t, e.URL)
	if r.status != 200 || r.header.Get("X-Pool") != llama || r.model() != llama {
		t.Fatal(r)
	}
}

// X9: the header that the processor sets chooses the cluster, each time.
func TestClusterIsTheDecision(t *testing.T) {
	_, e := shared(t)
	models := map[string]string{llama: llama, phi: phi, "phi": phi}
	names := []string{llama, phi, "phi", "auto"}
	random := rand.New(rand.NewPCG(1, 9))
	const workers = 4
	jobs := make(chan string)
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for name := range jobs {
				text := plainPrompt
				want := models[name]
				if name == "auto" {
					want, text = phi, mathPrompt
				}
				if err := servedBy(e.URL, chat(name, text), want); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range 1000 {
		jobs <- names[random.IntN(len(names))]
	}
	close(jobs)
	wg.Wait()
	quiet(t, e)
}

// servedBy sends a body and checks that decision, header and cluster agree.
func servedBy(base string, body []byte, want string) error {
	r, err := call{body: body}.try(base)
	if err != nil {
		return err
	}
	a := arrived(r.id)
	if r.status != 200 || len(a) != 1 || a[0].Pool != want || r.model() != want || a[0].Header.Get("X-Selected-Model") != want {
		return fmt.Errorf("want %s: %v, arrived %+v", want, r, a)
	}
	return nil
}
