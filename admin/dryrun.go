package admin

import (
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/vsr-proxy/vsr-proxy/chat"
	"github.com/vsr-proxy/vsr-proxy/classify"
	"github.com/vsr-proxy/vsr-proxy/live"
	"github.com/vsr-proxy/vsr-proxy/router"
)

// Routed is the answer of /api/v1/route: what would happen to the request.
type Routed struct {
	Model      string             `json:"model,omitempty"`
	Pool       string             `json:"pool,omitempty"`
	Decision   string             `json:"decision,omitempty"`
	Path       router.Path        `json:"response_path"`
	Degraded   string             `json:"degraded_reason,omitempty"`
	Category   string             `json:"category,omitempty"`
	Confidence float64            `json:"confidence,omitzero"`
	Scores     map[string]float64 `json:"scores,omitempty"`
	Tokens     int                `json:"tokens,omitzero"`
	Windows    int                `json:"windows,omitzero"`
	Unread     int                `json:"unread_tokens,omitzero"`
	Readings   []Reading          `json:"readings,omitempty"` // every text that was classified
	Signals    []Signal           `json:"signals,omitempty"`  // those that were worked out
	Unchecked  []Unchecked        `json:"unchecked,omitempty"`
	Masked     map[string]int     `json:"masked,omitempty"` // values replaced, by type
	Trace      []Step             `json:"trace"`
	Elapsed    map[string]float64 `json:"elapsed_us"` // microseconds per stage
	Error      *Refusal           `json:"error,omitempty"`
}

// Reading is what the classifier says of one text of the request.
type Reading struct {
	// View is whose words they are: last_user, user or all, or mask for what a
	// decision masks, with "_fused" behind it where the parts of messages were
	// joined by nothing.
	View     string    `json:"view"`
	Outcome  string    `json:"outcome"`
	Verdicts []Verdict `json:"verdicts,omitempty"`
	Spans    []Span    `json:"spans,omitempty"`
	Tokens   int       `json:"tokens"`
	Windows  int       `json:"windows"`
	Unread   int       `json:"unread_tokens"`
	Micros   float64   `json:"elapsed_us"`
}

// Verdict is what a head of the classifier says of a text.
type Verdict struct {
	Head       string             `json:"head"`
	Label      string             `json:"label"`
	Confidence float64            `json:"confidence"`
	Scores     map[string]float64 `json:"scores"`
}

// Signal is a signal that was worked out.
type Signal struct {
	Type    string  `json:"type"`
	Name    string  `json:"name"`
	Matched bool    `json:"matched"`
	Score   float64 `json:"score,omitzero"`
}

// Unchecked is a protecting decision that could not be made.
type Unchecked struct {
	Decision string `json:"decision"`
	Reason   string `json:"reason"`
	Refused  bool   `json:"refused"`
}

// Span is a place in the text that was classified, in bytes. What stands there is
// not shown.
type Span struct {
	Type   string  `json:"type"`
	From   int     `json:"from"`
	To     int     `json:"to"`
	Score  float64 `json:"score"`
	Source string  `json:"source"` // the pattern or the head that found it
}

// Step is one line of a trace; its time is in microseconds.
type Step struct {
	What    string  `json:"step"`
	Outcome string  `json:"outcome"`
	Micros  float64 `json:"elapsed_us"`
}

// Refusal is the error the client would get.
type Refusal struct {
	Status  int    `json:"status"`
	Code    string `json:"code"`
	Param   string `json:"param,omitempty"`
	Message string `json:"message"`
}

var kinds = map[string]chat.Kind{
	"":                     chat.Chat,
	"/v1/chat/completions": chat.Chat,
	"/v1/completions":      chat.Completions,
	"/v1/responses":        chat.Responses,
	"/v1/embeddings":       chat.ByModel,
}

// dryRun decides on a whole request body without sending it. The query's
// endpoint names the route it is meant for; chat completions if absent.
func dryRun(gen *live.Generation, w http.ResponseWriter, r *http.Request) {
	kind, ok := kinds[r.URL.Query().Get("endpoint")]
	if !ok {
		chat.WriteError(w, badRequest("endpoint", "The endpoint is one of /v1/chat/completions, /v1/completions, /v1/responses, /v1/embeddings."))
		return
	}
	body, refusal := readBody(gen, w, r)
	if refusal != nil {
		chat.WriteError(w, refusal)
		return
	}
	d := gen.Router.Decide(r.Context(), router.Request{Kind: kind, Body: body, Trace: true})
	writeJSON(w, http.StatusOK, Explain(d))
}

// Explain is the printable form of a decision.
func Explain(d *router.Decision) Routed {
	out := Routed{
		Model: d.Model, Pool: d.Pool, Decision: d.Name, Path: d.Path, Degraded: d.Degraded,
		Category: d.Category(), Confidence: d.Confidence(), Scores: scores(d.Result),
		Tokens: d.Result.Tokens, Windows: d.Result.Windows, Unread: d.Unread(),
		Trace: []Step{},
		Elapsed: map[string]float64{
			"parse": micros(d.Elapsed.Parse), "classify": micros(d.Elapsed.Classify), "rules": micros(d.Elapsed.Rules),
			"splice": micros(d.Elapsed.Splice), "total": micros(d.Elapsed.Total),
		},
	}
	for i := range d.Readings {
		out.Readings = append(out.Readings, readingOf(&d.Readings[i]))
	}
	for _, s := range d.Signals {
		out.Signals = append(out.Signals, Signal{Type: s.Type, Name: s.Name, Matched: s.Matched, Score: s.Score})
	}
	for _, f := range d.GuardFailures {
		out.Unchecked = append(out.Unchecked, Unchecked(f))
	}
	if d.Mask != nil {
		out.Masked = d.Mask.Counts()
	}
	for _, s := range d.Steps {
		out.Trace = append(out.Trace, Step{What: s.What, Outcome: s.Outcome, Micros: micros(s.Elapsed)})
	}
	if e := d.Error; e != nil {
		out.Error = &Refusal{Status: e.Status, Code: e.Code, Param: e.Param, Message: e.Message}
	}
	return out
}

func micros(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e3 }

func readingOf(r *router.Reading) Reading {
	out := Reading{
		View: r.View, Outcome: r.Outcome, Micros: micros(r.Elapsed),
		Tokens: r.Result.Tokens, Windows: r.Result.Windows, Unread: r.Result.UnreadTokens,
	}
	for _, v := range r.Result.Verdicts {
		out.Verdicts = append(out.Verdicts, Verdict{Head: v.Head, Label: v.Label, Confidence: v.Confidence, Scores: probabilities(v)})
	}
	for _, s := range r.Result.Spans {
		out.Spans = append(out.Spans, Span(s))
	}
	return out
}

func scores(res classify.Result) map[string]float64 {
	v, ok := res.Verdict(router.HeadDomain)
	if !ok {
		return nil
	}
	return probabilities(v)
}

func probabilities(v classify.Verdict) map[string]float64 {
	out := make(map[string]float64, len(v.Scores))
	for _, s := range v.Scores {
		out[s.Label] = s.P
	}
	return out
}

func badRequest(param, message string) *chat.Error {
	return &chat.Error{Status: http.StatusBadRequest, Type: "invalid_request_error", Code: "invalid_value", Param: param, Message: message}
}

// readBody applies the HTTP door's limit of size.
func readBody(gen *live.Generation, w http.ResponseWriter, r *http.Request) ([]byte, *chat.Error) {
	limit := int64(gen.Config.Server.Limits.BodyBytes)
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	var over *http.MaxBytesError
	switch {
	case errors.As(err, &over):
		return nil, chat.TooLarge(limit)
	case err != nil:
		return nil, badRequest("", "The request body could not be read.")
	}
	return body, nil
}
