package exchange

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/vsr-proxy/vsr-proxy/chat"
	"github.com/vsr-proxy/vsr-proxy/classify"
	"github.com/vsr-proxy/vsr-proxy/router"
	"github.com/vsr-proxy/vsr-proxy/telemetry"
)

// Close records the exchange in metrics, span and log.
func (x *Exchange) Close(ctx context.Context) {
	m := x.core.metrics
	m.HTTPRequest(x.Route, x.Status)
	if x.Decision != nil {
		recordDecision(m, x.Decision)
	}
	x.recordFailure(m)
	x.recordAnswer(m)
	x.recordMask(m)
	x.span.Status(x.Status)
	x.span.End()
	x.log(ctx)
}

func recordDecision(m *telemetry.Metrics, d *router.Decision) {
	m.RoutingLatency(d.Elapsed.Total)
	for i := range d.Readings {
		r := &d.Readings[i]
		m.Classified(r.Outcome, r.Elapsed)
		m.Windows(r.Result.Windows)
	}
	m.UnreadTokens(d.Unread())
	for _, s := range d.Spans() {
		m.PIIFound(s.Type)
	}
	for _, s := range d.Signals {
		m.SignalExtracted(s.Type, s.Name, s.Elapsed, s.Matched)
	}
	if d.Auto || d.Guarded {
		m.DecisionEvaluated(d.Elapsed.Rules)
		recordUnread(m, d.Request)
	}
	for _, f := range d.GuardFailures {
		m.GuardFailed(f.Reason, f.Refused)
	}
	if d.Degraded != "" {
		m.Degraded(d.Degraded)
	}
	if d.Path == router.PathBlocked {
		m.Blocked(d.Name)
		m.DecisionMatched(d.Name)
	}
	if d.Error != nil {
		return
	}
	m.DecisionMatched(d.Name)
	if d.Request.Model != d.Model {
		m.RoutingModified(d.Request.Model, d.Model)
	}
}

// recordUnread counts what no signal can read.
func recordUnread(m *telemetry.Metrics, r *chat.Request) {
	m.UnreadMedia("image", r.Media.Images)
	m.UnreadMedia("audio", r.Media.Audio)
	m.UnreadMedia("file", r.Media.Files)
	m.UnreadMedia("other", r.Media.Other)
	m.UnreadMedia("token_prompt", r.UnreadTokenPrompts)
	if r.StoredContext {
		m.UnreadMedia("stored_context", 1)
	}
}

// recordFailure counts what did not end well under the model it was for.
func (x *Exchange) recordFailure(m *telemetry.Metrics) {
	model, reason := "", ""
	switch {
	case x.Failure != nil:
		reason = failureReason(x.Failure)
	case x.Refusal != nil:
		reason = x.Refusal.Code
	case x.Status >= http.StatusBadRequest:
		reason = fmt.Sprintf("upstream_%dxx", x.Status/100)
	default:
		return
	}
	if x.Decision != nil {
		model = x.Decision.Model
		if model == "" && x.Decision.Request != nil {
			model = x.Decision.Request.Model
		}
	}
	m.RequestError(model, reason)
}

// recordAnswer counts tokens and times of an answer that came.
func (x *Exchange) recordAnswer(m *telemetry.Metrics) {
	f := &x.Facts
	if f.Status < http.StatusOK || f.Status >= http.StatusMultipleChoices {
		return
	}
	model := x.Decision.Model
	if f.UsageKnown {
		m.Tokens(model, f.PromptTokens, f.CompletionTokens)
		x.recordCost(m, model)
	} else {
		m.UsageUnread(f.UsageUnread)
	}
	if !f.FirstEvent.IsZero() {
		m.TTFT(model, f.FirstEvent.Sub(x.start)) // what was spent before the upstream call is waited for too
	}
	if tpot, estimated, ok := f.TPOT(); ok {
		m.TPOT(model, tpot, estimated)
	}
}

// recordCost counts what the tokens cost, if the configuration says it.
func (x *Exchange) recordCost(m *telemetry.Metrics, model string) {
	for _, known := range x.Gen.Config.Models {
		if known.Name == model {
			p := known.Pricing
			m.Cost(model, cmp.Or(p.Currency, "USD"), p.Cost(max(x.Facts.PromptTokens, 0), max(x.Facts.CompletionTokens, 0)))
		}
	}
}

// recordMask counts what was masked, and what of the answer was not turned back.
func (x *Exchange) recordMask(m *telemetry.Metrics) {
	if x.Decision == nil || x.Decision.Mask == nil {
		return
	}
	for kind, n := range x.Decision.Mask.Counts() {
		m.Masked(kind, n)
	}
	if why := x.Facts.NotRewritten; why != "" {
		m.NotUnmasked(why, 1)
	}
	if n := x.Facts.LongEvents; n > 0 {
		m.NotUnmasked("event_too_long", n)
	}
}

// log writes the one line of the exchange: ids, sizes and reasons, never text.
func (x *Exchange) log(ctx context.Context) {
	level := slog.LevelInfo
	if x.Failure != nil || x.Status >= http.StatusInternalServerError {
		level = slog.LevelWarn
	}
	if !x.core.log.Enabled(ctx, level) {
		return
	}
	attrs := []slog.Attr{
		slog.String("id", x.ID), slog.String("route", x.Route), slog.Int("status", x.Status),
		slog.Duration("took", time.Since(x.start)), slog.Int64("bytes", x.Facts.Bytes),
	}
	if trace := telemetry.TraceID(ctx); trace != "" {
		attrs = append(attrs, slog.String("trace", trace))
	}
	if d := x.Decision; d != nil {
		attrs = append(attrs, decisionAttrs(d, x.bodySize())...)
	}
	if x.Refusal != nil {
		attrs = append(attrs, slog.String("refused", x.Refusal.Code))
	}
	if x.Failure != nil {
		attrs = append(attrs, slog.String("upstream_error", x.Failure.Error()))
	}
	x.core.log.LogAttrs(ctx, level, "request", attrs...)
}

func decisionAttrs(d *router.Decision, size int) []slog.Attr {
	var attrs []slog.Attr
	if d.Error == nil {
		attrs = append(attrs, slog.String("model", d.Model))
	}
	if d.Name != "" {
		attrs = append(attrs, slog.String("decision", d.Name), slog.String("path", string(d.Path)))
	}
	if d.Error == nil && d.Classified {
		attrs = append(attrs, slog.String("classification", d.Outcome), slog.Duration("classify", d.Elapsed.Classify))
	}
	if d.Error == nil && (d.Outcome == classify.OutcomeOK || d.Outcome == classify.OutcomePartial) {
		attrs = append(attrs, slog.String("category", d.Category()), slog.Float64("confidence", d.Confidence()))
	}
	if d.Mask != nil {
		attrs = append(attrs, slog.Int("masked", d.Mask.Values()))
	}
	if d.Guarded || d.Path == router.PathBlocked || len(d.GuardFailures) > 0 || len(d.Readings) > 1 {
		attrs = append(attrs, guardAttrs(d, size)...)
	}
	return attrs
}

// guardAttrs say what protecting decisions saw, or could not check: scores, sizes,
// and which turns were read (E8).
func guardAttrs(d *router.Decision, size int) []slog.Attr {
	var signals, views, failed []string
	tokens := 0
	for _, s := range d.Signals {
		if s.Matched {
			signals = append(signals, fmt.Sprintf("%s:%s=%.3f", s.Type, s.Name, s.Score))
		}
	}
	for i := range d.Readings {
		views = append(views, d.Readings[i].View+":"+d.Readings[i].Outcome)
		tokens += d.Readings[i].Result.Tokens
	}
	for _, f := range d.GuardFailures {
		failed = append(failed, f.Decision+":"+f.Reason)
	}
	attrs := []slog.Attr{
		slog.Int("body_bytes", size),
		slog.Any("signals", signals), slog.Any("read", views), slog.Int("tokens", tokens), slog.Int("unread_tokens", d.Unread()),
	}
	if len(failed) > 0 {
		attrs = append(attrs, slog.Any("unchecked", failed))
	}
	return attrs
}

func (x *Exchange) bodySize() int {
	if r := x.Decision.Request; r != nil && r.Body != nil {
		return len(r.Body)
	}
	return x.size
}
