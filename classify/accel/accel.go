// Package accel chooses what does the arithmetic: the execution provider of an
// inference runtime that an operator asked for, or the best one that works.
//
// What it promises:
//
//   - An accelerator asked for by name is what runs, or nothing runs, unless a
//     fall back to the CPU was allowed.
//   - Auto tries what can exist on this system, best first, and ends at the CPU.
//   - A provider is chosen only after a session on it has answered once.
//   - Whatever was passed over is named with its reason.
//
// What it must not know: any runtime. It sees one through [Runtime], so that the
// choice builds and is tested without cgo and without a GPU.
package accel

import (
	"fmt"
	"strings"
)

// Provider names an execution provider, as an operator writes it.
type Provider string

// The providers, and Auto, which is a wish and never what runs.
const (
	Auto     Provider = "auto"
	CPU      Provider = "cpu"
	CUDA     Provider = "cuda"
	TensorRT Provider = "tensorrt"
	OpenVINO Provider = "openvino"
	CoreML   Provider = "coreml"
	DirectML Provider = "directml"
)

// Parse reads a provider's name; the empty name is Auto.
func Parse(name string) (Provider, error) {
	switch p := Provider(name); p {
	case "":
		return Auto, nil
	case Auto, CPU, CUDA, TensorRT, OpenVINO, CoreML, DirectML:
		return p, nil
	}
	return "", fmt.Errorf("accelerator %q is none of auto, cpu, cuda, tensorrt, openvino, coreml, directml", name)
}

// Candidates are the providers that Auto tries on the operating system goos (as
// in runtime.GOOS), best first; the CPU is always the last.
//
// CUDA stands before TensorRT because TensorRT builds an engine for each new
// input shape, which takes seconds to minutes, and prompts come in every length:
// an operator who wants it asks for it by name.
func Candidates(goos string) []Provider {
	switch goos {
	case "linux":
		return []Provider{CUDA, TensorRT, OpenVINO, CPU}
	case "windows":
		return []Provider{CUDA, TensorRT, OpenVINO, DirectML, CPU}
	case "darwin":
		return []Provider{CoreML, CPU}
	}
	return []Provider{CPU}
}

// Choice says which provider runs and how it came to that.
type Choice struct {
	// Asked is what the operator wrote.
	Asked Provider
	// Provider is what runs, never Auto.
	Provider Provider
	// Skipped are the providers that were tried before, in order.
	Skipped []Skip
}

// Skip is a provider that was tried and does not run.
type Skip struct {
	Provider Provider
	// Offered tells whether the runtime library has the provider and loaded it;
	// what failed then was the session.
	Offered bool
	Err     error
}

// Fallback says why the CPU runs although something else was asked for, in one
// line; it is empty when nothing was given up.
func (c Choice) Fallback() string {
	if c.Provider != CPU || len(c.Skipped) == 0 {
		return ""
	}
	return reasons(c.Skipped)
}

// reasons lists skips in one line.
func reasons(skipped []Skip) string {
	parts := make([]string, len(skipped))
	for i, s := range skipped {
		what := "is not offered"
		if s.Offered {
			what = "does not run"
		}
		parts[i] = fmt.Sprintf("%s %s: %s", s.Provider, what, oneLine(s.Err))
	}
	return strings.Join(parts, "; ")
}

// oneLine shortens what a runtime says: some messages carry a stack trace.
func oneLine(err error) string {
	const limit = 300
	text := strings.Join(strings.Fields(err.Error()), " ")
	if len(text) > limit {
		return strings.ToValidUTF8(text[:limit], "") + "..."
	}
	return strings.TrimRight(text, ".")
}
