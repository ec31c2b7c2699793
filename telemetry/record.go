package telemetry

import (
	"math"
	"strconv"
	"time"
)

// RequestStarted counts a request sent to a model and one more in flight there.
// The caller owes one [Metrics.RequestEnded] or [Metrics.RequestLost] for the same model.
func (m *Metrics) RequestStarted(model string) {
	model = m.models.label(model)
	m.requests.WithLabelValues(model).Inc()
	m.inflight.WithLabelValues(model).Inc()
}

// RequestEnded takes a request out of flight and records how long it took, from its arrival to the last byte of its
// answer.
func (m *Metrics) RequestEnded(model string, took time.Duration) {
	model = m.models.label(model)
	m.inflight.WithLabelValues(model).Dec()
	m.completion.WithLabelValues(model).Observe(took.Seconds())
}

// RequestLost takes a request out of flight of whose end nothing is known.
func (m *Metrics) RequestLost(model string) {
	m.inflight.WithLabelValues(m.models.label(model)).Dec()
}

// RequestError counts a request that ended in an error. The model is the one it was for, or asked for if none was
// chosen.
func (m *Metrics) RequestError(model, reason string) {
	m.requestErrors.WithLabelValues(m.models.label(model), m.word(labelReason, reason)).Inc()
}

// RoutingModified counts a request whose model name was changed from source (what the client asked for) to target.
func (m *Metrics) RoutingModified(source, target string) {
	m.modifications.WithLabelValues(m.models.label(source), m.models.label(target)).Inc()
}

// RoutingLatency records the time from the whole body to the decision.
func (m *Metrics) RoutingLatency(took time.Duration) { m.routing.Observe(took.Seconds()) }

// TTFT records the time to an answer's first token.
func (m *Metrics) TTFT(model string, took time.Duration) {
	m.ttft.WithLabelValues(m.models.label(model)).Observe(took.Seconds())
}

// TPOT records an answer's mean time per output token after the first. It is estimated when the tokens were counted as
// stream events because the backend reported no usage.
func (m *Metrics) TPOT(model string, perToken time.Duration, estimated bool) {
	m.tpot.WithLabelValues(m.models.label(model)).Observe(perToken.Seconds())
	if estimated {
		m.tpotEstimated.Inc()
	}
}

// Tokens counts the usage a backend reported for one answer. Negative numbers, which no backend should send, count
// as 0.
func (m *Metrics) Tokens(model string, prompt, completion int) {
	model = m.models.label(model)
	prompt, completion = max(prompt, 0), max(completion, 0)
	m.promptTokens.WithLabelValues(model).Add(float64(prompt))
	m.completionTokens.WithLabelValues(model).Add(float64(completion))
	m.tokens.WithLabelValues(model).Add(float64(prompt) + float64(completion))
}

// Cost counts what one answer cost. A negative or infinite one, or none, is not counted.
func (m *Metrics) Cost(model, currency string, cost float64) {
	if cost > 0 && !math.IsInf(cost, 0) {
		m.cost.WithLabelValues(m.models.label(model), m.word(labelCurrency, currency)).Add(cost)
	}
}

// UsageUnread counts an answer whose usage is not known, and why.
func (m *Metrics) UsageUnread(reason string) {
	m.usageUnread.WithLabelValues(m.word(labelReason, reason)).Inc()
}

// SignalExtracted counts one evaluation of a signal, the time it took and whether it matched.
func (m *Metrics) SignalExtracted(signalType, name string, took time.Duration, matched bool) {
	signalType, name = m.word(labelType, signalType), m.signals.label(name)
	m.signalLatency.WithLabelValues(signalType).Observe(took.Seconds())
	m.signalExtractions.WithLabelValues(signalType, name).Inc()
	if matched {
		m.signalMatches.WithLabelValues(signalType, name).Inc()
	}
}

// DecisionMatched counts a request decided by the named decision.
func (m *Metrics) DecisionMatched(name string) {
	m.decisionMatches.WithLabelValues(m.decisions.label(name)).Inc()
}

// DecisionEvaluated records the time of evaluating all rules for one request.
func (m *Metrics) DecisionEvaluated(took time.Duration) { m.decision.Observe(took.Seconds()) }

// Classified records one classification: its outcome in a word ("ok", "deadline", "queue_full", ...) and its time,
// queueing included.
func (m *Metrics) Classified(outcome string, took time.Duration) {
	m.classifications.WithLabelValues(m.word(labelOutcome, outcome)).Inc()
	m.classification.Observe(took.Seconds())
}

// Windows records how many windows of one text the encoder read.
func (m *Metrics) Windows(n int) { m.windows.Observe(float64(n)) }

// Degraded counts a request that went to the default model because a signal could not be computed, and why.
func (m *Metrics) Degraded(reason string) {
	m.degraded.WithLabelValues(m.word(labelReason, reason)).Inc()
}

// Blocked counts a request that the named decision refused.
func (m *Metrics) Blocked(decision string) {
	m.blocked.WithLabelValues(m.decisions.label(decision)).Inc()
}

// GuardFailed counts a protecting decision that could not be made, why, and whether the request was refused for it.
func (m *Metrics) GuardFailed(reason string, refused bool) {
	result := "allowed"
	if refused {
		result = "refused"
	}
	m.guardFailures.WithLabelValues(m.word(labelReason, reason), result).Inc()
}

// PIIFound counts a place in a request where personal data of a type was found.
func (m *Metrics) PIIFound(kind string) {
	m.piiSpans.WithLabelValues(m.piiTypes.label(kind)).Inc()
}

// Masked counts values of a type that were replaced in a request.
func (m *Metrics) Masked(kind string, values int) {
	m.maskedValues.WithLabelValues(m.piiTypes.label(kind)).Add(float64(values))
}

// NotUnmasked counts answers, or events of one, that went on with placeholders in them, and why.
func (m *Metrics) NotUnmasked(reason string, n int) {
	m.notUnmasked.WithLabelValues(m.word(labelReason, reason)).Add(float64(n))
}

// UnreadTokens counts prompt tokens beyond the classifier's limit.
func (m *Metrics) UnreadTokens(n int) { m.unreadTokens.Add(float64(max(n, 0))) }

// UnreadMedia counts parts of one kind ("image", "audio", "file") that no signal reads.
func (m *Metrics) UnreadMedia(kind string, n int) {
	if n > 0 {
		m.unreadMedia.WithLabelValues(m.word(labelKind, kind)).Add(float64(n))
	}
}

// LimitRejected counts a request refused because the named limit was reached; the name is the limit's configuration
// path.
func (m *Metrics) LimitRejected(limit string) {
	m.limitRejections.WithLabelValues(m.word(labelLimit, limit)).Inc()
}

// Accelerator says which execution provider runs the classifier, in which version of the runtime, and whether it stands
// in for one that was asked for and missing. It replaces what was said before.
func (m *Metrics) Accelerator(provider, runtimeVersion string, fallback bool) {
	m.accelerator.Reset()
	m.accelerator.WithLabelValues(m.word(labelProvider, provider), m.word(labelRuntime, runtimeVersion), strconv.FormatBool(fallback)).Set(1)
}

// ConfigLoaded records a load of the configuration; at is when it was tried.
func (m *Metrics) ConfigLoaded(ok bool, at time.Time) {
	if !ok {
		m.reloadOK.Set(0)
		m.reloads.WithLabelValues("failure").Inc()
		return
	}
	m.reloadOK.Set(1)
	m.reloadTime.Set(float64(at.UnixMilli()) / 1000)
	m.reloads.WithLabelValues("success").Inc()
}

// UpstreamFailure counts an exchange with a pool that failed, and why.
func (m *Metrics) UpstreamFailure(pool, reason string) {
	m.failures.WithLabelValues(m.pools.label(pool), m.word(labelReason, reason)).Inc()
}

// UpstreamRetry counts a request tried again on another connection or endpoint of a pool.
func (m *Metrics) UpstreamRetry(pool string) { m.retries.WithLabelValues(m.pools.label(pool)).Inc() }

// EnvoyIgnored counts a message of Envoy's that had no place in its exchange.
func (m *Metrics) EnvoyIgnored(kind string) {
	m.envoyIgnored.WithLabelValues(m.word(labelKind, kind)).Inc()
}

// HTTPRequest counts an answered request by the pattern of its route, never its path, and its status.
func (m *Metrics) HTTPRequest(route string, status int) {
	class := Other
	if status >= 100 && status < 600 {
		class = [...]string{"1xx", "2xx", "3xx", "4xx", "5xx"}[status/100-1]
	}
	m.http.WithLabelValues(m.word(labelRoute, route), class).Inc()
}
