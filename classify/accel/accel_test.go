package accel_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/vsr-proxy/vsr-proxy/classify/accel"
)

// fake is a runtime whose library offers some providers, of which some do not
// run. Its sessions are their provider's name.
type fake struct {
	offers []accel.Provider
	broken []accel.Provider
	tried  []accel.Provider
}

var (
	errNotBuilt = errors.New("execution provider is not enabled in this build")
	errNoDevice = errors.New("CUDA failure 100: no CUDA-capable device is detected\n  at line 12")
)

func (f *fake) Offers(p accel.Provider) error {
	if p == accel.CPU || slices.Contains(f.offers, p) {
		return nil
	}
	return errNotBuilt
}

func (f *fake) Open(_ context.Context, p accel.Provider) (string, error) {
	f.tried = append(f.tried, p)
	if slices.Contains(f.broken, p) {
		return "", errNoDevice
	}
	return "session on " + string(p), nil
}

func choose(t *testing.T, f *fake, w accel.Wish, goos string) (accel.Choice, error) {
	t.Helper()
	session, choice, err := accel.Choose(context.Background(), f, w, goos)
	if err == nil && session != "session on "+string(choice.Provider) {
		t.Errorf("got %q for provider %q", session, choice.Provider)
	}
	if err != nil && session != "" {
		t.Errorf("got session %q beside the error", session)
	}
	return choice, err
}

func TestAutoTakesTheBestProviderThatAnswers(t *testing.T) {
	for _, tc := range []struct {
		name           string
		goos           string
		offers, broken []accel.Provider
		want           accel.Provider
		skipped        int
	}{
		{"plain library", "linux", nil, nil, accel.CPU, 3},
		{"cuda", "linux", []accel.Provider{accel.CUDA, accel.TensorRT}, nil, accel.CUDA, 0},
		{"tensorrt where cuda does not run", "linux", []accel.Provider{accel.CUDA, accel.TensorRT}, []accel.Provider{accel.CUDA}, accel.TensorRT, 1},
		{"openvino", "linux", []accel.Provider{accel.OpenVINO}, nil, accel.OpenVINO, 2},
		{"GPU library without a GPU", "linux", []accel.Provider{accel.CUDA, accel.TensorRT}, []accel.Provider{accel.CUDA, accel.TensorRT}, accel.CPU, 3},
		{"Mac", "darwin", []accel.Provider{accel.CoreML}, nil, accel.CoreML, 0},
		{"Windows", "windows", []accel.Provider{accel.DirectML}, nil, accel.DirectML, 3},
		{"elsewhere", "freebsd", []accel.Provider{accel.CUDA}, nil, accel.CPU, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c, err := choose(t, &fake{offers: tc.offers, broken: tc.broken}, accel.Wish{Provider: accel.Auto}, tc.goos)
			if err != nil {
				t.Fatal(err)
			}
			if c.Provider != tc.want || len(c.Skipped) != tc.skipped {
				t.Errorf("runs on %s after %d others, want %s after %d", c.Provider, len(c.Skipped), tc.want, tc.skipped)
			}
			if (c.Fallback() != "") != (tc.want == accel.CPU && tc.skipped > 0) {
				t.Errorf("fallback %q", c.Fallback())
			}
		})
	}
}

func TestFallbackSaysWhyInOneLine(t *testing.T) {
	c, err := choose(t, &fake{offers: []accel.Provider{accel.CUDA}, broken: []accel.Provider{accel.CUDA}},
		accel.Wish{Provider: accel.CUDA, AllowCPU: true}, "linux")
	if err != nil {
		t.Fatal(err)
	}
	want := "cuda does not run: CUDA failure 100: no CUDA-capable device is detected at line 12"
	if c.Provider != accel.CPU || c.Fallback() != want {
		t.Errorf("runs on %s, says %q; want cpu, %q", c.Provider, c.Fallback(), want)
	}
}

// C5: a machine whose accelerator is gone must not quietly go on ten times slower.
func TestNamedProviderThatIsMissingRefuses(t *testing.T) {
	for _, tc := range []struct {
		name   string
		fake   *fake
		says   string
		reason error
	}{
		{"not offered", &fake{}, "does not offer it", errNotBuilt},
		{"does not answer", &fake{offers: []accel.Provider{accel.CUDA}, broken: []accel.Provider{accel.CUDA}}, "no session on it answers", errNoDevice},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := choose(t, tc.fake, accel.Wish{Provider: accel.CUDA}, "linux")
			if !errors.Is(err, tc.reason) || !strings.Contains(err.Error(), tc.says) || !strings.Contains(err.Error(), "allow_cpu") {
				t.Errorf("got %v", err)
			}
			if slices.Contains(tc.fake.tried, accel.CPU) {
				t.Error("the CPU was tried")
			}
		})
	}
}

func TestNamedProviderRunsThoughABetterOneExists(t *testing.T) {
	f := &fake{offers: []accel.Provider{accel.CUDA, accel.TensorRT}}
	for _, p := range []accel.Provider{accel.CPU, accel.TensorRT} {
		c, err := choose(t, f, accel.Wish{Provider: p, AllowCPU: true}, "linux")
		if err != nil || c.Provider != p || c.Fallback() != "" {
			t.Errorf("asked for %s: %+v, %v", p, c, err)
		}
	}
}

// C8: a model that opens nowhere is the CPU's error, with the others beside it.
func TestBrokenModelIsAnError(t *testing.T) {
	f := &fake{offers: []accel.Provider{accel.CUDA}, broken: []accel.Provider{accel.CUDA, accel.CPU}}
	_, err := choose(t, f, accel.Wish{Provider: accel.Auto}, "linux")
	if !errors.Is(err, errNoDevice) || !strings.Contains(err.Error(), "tensorrt is not offered") {
		t.Errorf("got %v", err)
	}
}

func TestEndedContextTriesNothingMore(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	f := &fake{}
	_, _, err := accel.Choose(ctx, f, accel.Wish{Provider: accel.Auto}, "linux")
	if !errors.Is(err, context.Canceled) || len(f.tried) > 0 {
		t.Errorf("got %v after trying %v", err, f.tried)
	}
}

func TestParse(t *testing.T) {
	for _, name := range []string{"auto", "cpu", "cuda", "tensorrt", "openvino", "coreml", "directml"} {
		if p, err := accel.Parse(name); err != nil || string(p) != name {
			t.Errorf("Parse(%q) = %q, %v", name, p, err)
		}
	}
	if p, err := accel.Parse(""); err != nil || p != accel.Auto {
		t.Errorf("the empty name is %q, %v", p, err)
	}
	if _, err := accel.Parse("CUDA"); err == nil || !strings.Contains(err.Error(), `"CUDA"`) {
		t.Errorf("got %v", err)
	}
}
