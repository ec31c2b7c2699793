package telemetry

// This file is the closed list. A metric, a label, a span or an attribute that is not here does not exist.

// Other is the label value that stands for every name nobody configured.
const Other = "other"

// Label names.
const (
	labelModel     = "model"
	labelSource    = "source_model"
	labelTarget    = "target_model"
	labelReason    = "reason"
	labelType      = "signal_type"
	labelSignal    = "signal_name"
	labelDecision  = "decision_name"
	labelOutcome   = "outcome"
	labelKind      = "kind"
	labelLimit     = "limit"
	labelProvider  = "provider"
	labelRuntime   = "runtime_version"
	labelFallback  = "fallback"
	labelResult    = "result"
	labelPII       = "pii_type"
	labelPool      = "pool"
	labelRoute     = "route"
	labelCurrency  = "currency"
	labelCodeClass = "code_class"
	labelVersion   = "version"
	labelRevision  = "revision"
	labelGo        = "goversion"
)

// spec is one metric: its name, what it says, its labels in the order in which values are given, and for a histogram
// the upper bounds of its buckets.
type spec struct {
	name    string
	help    string
	labels  []string
	buckets []float64
}

// Metrics under the names that vLLM Semantic Router gave them.
var (
	specModelRequests = spec{name: "llm_model_requests_total",
		help: "Requests sent to a model.", labels: []string{labelModel}}
	specRequestErrors = spec{name: "llm_request_errors_total",
		help: "Requests that ended in an error, by the model they were for and the reason.", labels: []string{labelModel, labelReason}}
	specInflight = spec{name: "llm_model_inflight_requests",
		help: "Requests a model is answering now.", labels: []string{labelModel}}
	specModifications = spec{name: "llm_model_routing_modifications_total",
		help: "Requests whose model name was changed by routing.", labels: []string{labelSource, labelTarget}}
	specRoutingLatency = spec{name: "llm_model_routing_latency_seconds",
		help:    "Time from the whole request body to the routing decision, classification included.",
		buckets: []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5}}
	specCompletion = spec{name: "llm_model_completion_latency_seconds",
		help: "Time from the request to the last byte of its answer.", labels: []string{labelModel},
		buckets: []float64{.05, .1, .25, .5, 1, 2.5, 5, 10, 20, 40, 60, 120, 300, 600}}
	specTTFT = spec{name: "llm_model_ttft_seconds",
		help: "Time from the request to the first token of its answer.", labels: []string{labelModel},
		buckets: []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60}}
	specTPOT = spec{name: "llm_model_tpot_seconds",
		help: "Mean time per output token after the first, one observation per answer.", labels: []string{labelModel},
		buckets: []float64{.001, .0025, .005, .01, .015, .02, .03, .05, .075, .1, .2, .5, 1}}
	specTokens = spec{name: "llm_model_tokens_total",
		help: "Prompt and completion tokens reported by a model.", labels: []string{labelModel}}
	specPromptTokens = spec{name: "llm_model_prompt_tokens_total",
		help: "Prompt tokens reported by a model.", labels: []string{labelModel}}
	specCompletionTokens = spec{name: "llm_model_completion_tokens_total",
		help: "Completion tokens reported by a model.", labels: []string{labelModel}}
	specCost = spec{name: "llm_model_cost_total",
		help: "Cost of the tokens reported by a model, at the configured prices.", labels: []string{labelModel, labelCurrency}}
	specSignalLatency = spec{name: "llm_signal_extraction_latency_seconds",
		help: "Time to evaluate one signal.", labels: []string{labelType},
		buckets: []float64{.00001, .0001, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1}}
	specSignalExtractions = spec{name: "llm_signal_extraction_total",
		help: "Signals evaluated.", labels: []string{labelType, labelSignal}}
	specSignalMatches = spec{name: "llm_signal_match_total",
		help: "Signals that matched.", labels: []string{labelType, labelSignal}}
	specDecisionMatches = spec{name: "llm_decision_match_total",
		help: "Requests decided by a decision.", labels: []string{labelDecision}}
	specDecisionLatency = spec{name: "llm_decision_evaluation_latency_seconds",
		help:    "Time to evaluate the rules once their signals are known.",
		buckets: []float64{.000001, .0000025, .000005, .00001, .000025, .00005, .0001, .00025, .0005, .001, .01}}
)

// Metrics that are ours alone.
var (
	specClassification = spec{name: "vsr_classification_seconds",
		help:    "Time of one classification, waiting for a slot included.",
		buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5}}
	specClassifications = spec{name: "vsr_classification_total",
		help: "Classifications by outcome.", labels: []string{labelOutcome}}
	specQueueDepth = spec{name: "vsr_classifier_queue_depth",
		help: "Requests waiting for a classifier slot now."}
	specSlotsInUse = spec{name: "vsr_classifier_slots_in_use",
		help: "Classifier slots busy now."}
	specSlots = spec{name: "vsr_classifier_slots",
		help: "Classifier slots there are."}
	specWindows = spec{name: "vsr_classifier_windows",
		help: "Text windows that the encoder read for one classification.", buckets: []float64{1, 2, 4, 8, 16, 32, 64}}
	specDegraded = spec{name: "vsr_degraded_requests_total",
		help: "Requests sent to the default model because a signal could not be computed.", labels: []string{labelReason}}
	specBlocked = spec{name: "vsr_blocked_requests_total",
		help: "Requests refused by a decision that blocks.", labels: []string{labelDecision}}
	specGuardFailures = spec{name: "vsr_guard_failures_total",
		help: "Protecting decisions that could not be made, and whether the request was refused or allowed.", labels: []string{labelReason, labelResult}}
	specPIISpans = spec{name: "vsr_pii_spans_total",
		help: "Places in requests where personal data was found, by type.", labels: []string{labelPII}}
	specMaskedValues = spec{name: "vsr_masked_values_total",
		help: "Values in requests that were replaced by placeholders, by type.", labels: []string{labelPII}}
	specNotUnmasked = spec{name: "vsr_not_unmasked_total",
		help: "Answers, and events of streams, in which placeholders were not turned back into values, and why.", labels: []string{labelReason}}
	specUnreadTokens = spec{name: "vsr_unread_tokens_total",
		help: "Prompt tokens the classifier did not read because the prompt was longer than its limit."}
	specUnreadMedia = spec{name: "vsr_unread_media_total",
		help: "Images, audio clips and files in requests, which the classifier does not read.", labels: []string{labelKind}}
	specUsageUnread = spec{name: "vsr_usage_unread_total",
		help: "Answers whose token usage is not known.", labels: []string{labelReason}}
	specTPOTEstimated = spec{name: "vsr_tpot_estimated_total",
		help: "Answers whose time per output token was estimated from stream events because no usage was reported."}
	specLimitRejections = spec{name: "vsr_limit_rejections_total",
		help: "Requests refused because a limit was reached.", labels: []string{labelLimit}}
	specAccelerator = spec{name: "vsr_accelerator_info",
		help:   "The execution provider the classifier runs on; the value is always 1.",
		labels: []string{labelProvider, labelRuntime, labelFallback}}
	specReloadOK = spec{name: "vsr_config_last_reload_successful",
		help: "1 if the last load of the configuration succeeded, else 0."}
	specReloadTime = spec{name: "vsr_config_last_reload_success_timestamp_seconds",
		help: "When the configuration in use was loaded, as Unix time."}
	specReloads = spec{name: "vsr_config_reloads_total",
		help: "Loads of the configuration by result, the one at start included.", labels: []string{labelResult}}
	specUpstreamFailures = spec{name: "vsr_upstream_failures_total",
		help: "Exchanges with an upstream that failed before or during the answer.", labels: []string{labelPool, labelReason}}
	specUpstreamRetries = spec{name: "vsr_upstream_retries_total",
		help: "Requests tried again because nothing of them had been written.", labels: []string{labelPool}}
	specHTTP = spec{name: "vsr_http_requests_total",
		help: "HTTP requests answered, by route pattern and class of the status.", labels: []string{labelRoute, labelCodeClass}}
	specEnvoyIgnored = spec{name: "vsr_envoy_ignored_messages_total",
		help: "Messages of Envoy's that had no place in their exchange, such as a second end of a body.", labels: []string{labelKind}}
	specBodyBytes = spec{name: "vsr_body_bytes_in_use",
		help: "Bytes reserved for request bodies now."}
	specBuild = spec{name: "vsr_build_info",
		help: "The build that runs; the value is always 1.", labels: []string{labelVersion, labelRevision, labelGo}}
)

// Span names. The server span is named "METHOD route", the upstream span "operation model", as OpenTelemetry's
// conventions for HTTP and for generative AI ask.
const (
	spanClassify = "classify"
	spanDecide   = "decide"
)

// Span attributes: OpenTelemetry semantic conventions where they exist, vsr.* otherwise.
const (
	attrMethod        = "http.request.method"
	attrRoute         = "http.route"
	attrStatus        = "http.response.status_code"
	attrErrorType     = "error.type"
	attrOperation     = "gen_ai.operation.name"
	attrProvider      = "gen_ai.provider.name"
	attrRequestModel  = "gen_ai.request.model"
	attrResponseModel = "gen_ai.response.model"
	attrInputTokens   = "gen_ai.usage.input_tokens"
	attrOutputTokens  = "gen_ai.usage.output_tokens"
	attrRequestID     = "vsr.request_id"
	attrDecision      = "vsr.decision"
	attrCategory      = "vsr.category"
	attrPool          = "vsr.pool"
	attrWindows       = "vsr.classify.windows"
	attrTokens        = "vsr.classify.tokens"
)
