package telemetry

import (
	"net/http"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

const (
	maxNames = 1024 // names an operator may configure per label, over all reloads
	maxWords = 128  // words of the source per label

	scrapes       = 4                // scrapes served at once; more get 503
	scrapeTimeout = 10 * time.Second // Prometheus' own default
)

// Gauges are asked at each scrape for what is true at that moment. A nil function reads as 0. They must not block.
type Gauges struct {
	QueueDepth func() float64 // requests waiting for a classifier slot
	SlotsInUse func() float64 // classifier slots busy
	Slots      func() float64 // classifier slots there are
	BodyBytes  func() float64 // bytes reserved for request bodies
}

// MetricsOptions is what [NewMetrics] is told.
type MetricsOptions struct {
	Version  string // of the build, for vsr_build_info
	Revision string // commit of the build
	Gauges   Gauges
}

// Names are the label values that an operator's configuration allows. Source models (auto names) are models too.
type Names struct {
	Models, Signals, Decisions, Pools []string
	PIITypes                          []string // that the classifier can find
}

// Metrics is the closed list of metrics over a registry of its own.
type Metrics struct {
	registry *prometheus.Registry

	// Strict sets: names from the configuration, and of the classifier's types.
	models, signals, decisions, pools, piiTypes *labelSet
	words                                       map[string]*labelSet

	requests, requestErrors, modifications       *prometheus.CounterVec
	tokens, promptTokens, completionTokens, cost *prometheus.CounterVec
	signalExtractions, signalMatches             *prometheus.CounterVec
	decisionMatches, classifications, degraded   *prometheus.CounterVec
	unreadMedia, usageUnread, limitRejections    *prometheus.CounterVec
	reloads, failures, retries, http             *prometheus.CounterVec
	blocked, guardFailures, piiSpans             *prometheus.CounterVec
	maskedValues, notUnmasked, envoyIgnored      *prometheus.CounterVec
	unreadTokens, tpotEstimated                  prometheus.Counter
	inflight, accelerator                        *prometheus.GaugeVec
	reloadOK, reloadTime                         prometheus.Gauge
	completion, ttft, tpot, signalLatency        *prometheus.HistogramVec
	routing, decision, classification, windows   prometheus.Histogram
}

// NewMetrics returns metrics that count from zero. Until [Metrics.Admit] is called every model, signal, decision and
// pool counts as [Other].
func NewMetrics(o MetricsOptions) *Metrics {
	reg := prometheus.NewRegistry()
	m := &Metrics{
		registry:  reg,
		models:    newLabelSet(maxNames, false),
		signals:   newLabelSet(maxNames, false),
		decisions: newLabelSet(maxNames, false),
		pools:     newLabelSet(maxNames, false),
		piiTypes:  newLabelSet(maxWords, false),
		words:     map[string]*labelSet{},

		requests:          newCounterVec(reg, specModelRequests),
		requestErrors:     newCounterVec(reg, specRequestErrors),
		modifications:     newCounterVec(reg, specModifications),
		tokens:            newCounterVec(reg, specTokens),
		promptTokens:      newCounterVec(reg, specPromptTokens),
		completionTokens:  newCounterVec(reg, specCompletionTokens),
		cost:              newCounterVec(reg, specCost),
		signalExtractions: newCounterVec(reg, specSignalExtractions),
		signalMatches:     newCounterVec(reg, specSignalMatches),
		decisionMatches:   newCounterVec(reg, specDecisionMatches),
		classifications:   newCounterVec(reg, specClassifications),
		degraded:          newCounterVec(reg, specDegraded),
		unreadMedia:       newCounterVec(reg, specUnreadMedia),
		usageUnread:       newCounterVec(reg, specUsageUnread),
		limitRejections:   newCounterVec(reg, specLimitRejections),
		reloads:           newCounterVec(reg, specReloads),
		failures:          newCounterVec(reg, specUpstreamFailures),
		retries:           newCounterVec(reg, specUpstreamRetries),
		http:              newCounterVec(reg, specHTTP),
		envoyIgnored:      newCounterVec(reg, specEnvoyIgnored),
		blocked:           newCounterVec(reg, specBlocked),
		guardFailures:     newCounterVec(reg, specGuardFailures),
		piiSpans:          newCounterVec(reg, specPIISpans),
		maskedValues:      newCounterVec(reg, specMaskedValues),
		notUnmasked:       newCounterVec(reg, specNotUnmasked),
		unreadTokens:      newCounter(reg, specUnreadTokens),
		tpotEstimated:     newCounter(reg, specTPOTEstimated),
		inflight:          newGaugeVec(reg, specInflight),
		accelerator:       newGaugeVec(reg, specAccelerator),
		reloadOK:          newGauge(reg, specReloadOK),
		reloadTime:        newGauge(reg, specReloadTime),
		completion:        newHistogramVec(reg, specCompletion),
		ttft:              newHistogramVec(reg, specTTFT),
		tpot:              newHistogramVec(reg, specTPOT),
		signalLatency:     newHistogramVec(reg, specSignalLatency),
		routing:           newHistogram(reg, specRoutingLatency),
		decision:          newHistogram(reg, specDecisionLatency),
		classification:    newHistogram(reg, specClassification),
		windows:           newHistogram(reg, specWindows),
	}
	for _, label := range []string{labelReason, labelType, labelOutcome, labelKind, labelLimit, labelProvider, labelRuntime, labelRoute, labelCurrency} {
		m.words[label] = newLabelSet(maxWords, true)
	}
	newGaugeFunc(reg, specQueueDepth, o.Gauges.QueueDepth)
	newGaugeFunc(reg, specSlotsInUse, o.Gauges.SlotsInUse)
	newGaugeFunc(reg, specSlots, o.Gauges.Slots)
	newGaugeFunc(reg, specBodyBytes, o.Gauges.BodyBytes)
	newGaugeVec(reg, specBuild).WithLabelValues(o.Version, o.Revision, runtime.Version()).Set(1)
	reg.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Admit allows the names of a configuration as label values. Names of earlier configurations stay, so that counters
// never go backwards across a reload; after 1,024 names per label further ones count as [Other].
func (m *Metrics) Admit(n Names) {
	m.models.admit(n.Models...)
	m.signals.admit(n.Signals...)
	m.decisions.admit(n.Decisions...)
	m.pools.admit(n.Pools...)
	m.piiTypes.admit(n.PIITypes...)
}

// Handler serves the metrics in Prometheus' text and OpenMetrics forms.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		EnableOpenMetrics:   true,
		MaxRequestsInFlight: scrapes,
		Timeout:             scrapeTimeout,
	})
}

// word returns v as a value of a label whose values are words of this program's source.
func (m *Metrics) word(label, v string) string { return m.words[label].label(v) }

func newCounterVec(reg *prometheus.Registry, s spec) *prometheus.CounterVec {
	v := prometheus.NewCounterVec(prometheus.CounterOpts{Name: s.name, Help: s.help}, s.labels)
	reg.MustRegister(v)
	return v
}

func newCounter(reg *prometheus.Registry, s spec) prometheus.Counter {
	c := prometheus.NewCounter(prometheus.CounterOpts{Name: s.name, Help: s.help})
	reg.MustRegister(c)
	return c
}

func newGaugeVec(reg *prometheus.Registry, s spec) *prometheus.GaugeVec {
	v := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: s.name, Help: s.help}, s.labels)
	reg.MustRegister(v)
	return v
}

func newGauge(reg *prometheus.Registry, s spec) prometheus.Gauge {
	g := prometheus.NewGauge(prometheus.GaugeOpts{Name: s.name, Help: s.help})
	reg.MustRegister(g)
	return g
}

func newGaugeFunc(reg *prometheus.Registry, s spec, read func() float64) {
	if read == nil {
		read = func() float64 { return 0 }
	}
	reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: s.name, Help: s.help}, read))
}

func newHistogramVec(reg *prometheus.Registry, s spec) *prometheus.HistogramVec {
	v := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: s.name, Help: s.help, Buckets: s.buckets}, s.labels)
	reg.MustRegister(v)
	return v
}

func newHistogram(reg *prometheus.Registry, s spec) prometheus.Histogram {
	h := prometheus.NewHistogram(prometheus.HistogramOpts{Name: s.name, Help: s.help, Buckets: s.buckets})
	reg.MustRegister(h)
	return h
}
