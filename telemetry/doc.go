// Package telemetry counts and traces what the proxy does.
//
// It promises:
//   - a closed list: every metric, label, span and span attribute stands in names.go, and nothing else is exported;
//   - a bounded number of series: a label value is either a name the operator configured ([Metrics.Admit]) or one of a
//     small number of words written in this program's source; anything else becomes "other", so a client that invents
//     models, paths or keys cannot make the registry grow;
//   - a registry of its own, so that two proxies in one process (and every test) count apart;
//   - methods that take plain values, cannot fail and may be called from any goroutine.
//
// Names that dashboards of vLLM Semantic Router read (llm_*) keep their meaning here; what is ours alone starts with
// vsr_. Durations are seconds, sizes are bytes, both as Prometheus asks.
//
// It must not know: prompt text, keys, request bodies. No method takes one, and span attributes are cut at
// [MaxAttribute] bytes.
package telemetry
