package router

import (
	"time"

	"github.com/vsr-proxy/vsr-proxy/chat"
	"github.com/vsr-proxy/vsr-proxy/classify"
)

// Path says how a response came about; it is the value of HeaderResponsePath.
type Path string

// The response paths that this version takes.
const (
	PathUpstream Path = "upstream" // decided as configured and forwarded
	PathDegraded Path = "degraded" // forwarded to the default model because a signal could not be had
	PathBlocked  Path = "blocked"  // refused by a decision that blocks
	PathError    Path = "error"    // refused or failed
)

// Names that stand in for a decision where none of the configured ones matched.
const (
	DecisionExplicit = "explicit" // the client named the model
	DecisionDefault  = "default"  // no decision matched
)

// Decision is all that a door needs to go on: forward Body to Pool, or answer
// with Error. Its fields are read-only.
type Decision struct {
	// Error is the answer when the request is refused, else nil.
	Error *chat.Error
	// Request is the parsed request, nil where it could not be parsed.
	Request *chat.Request

	Model string // the selected model, the value of x-selected-model
	Pool  string // the upstream pool that serves it
	Body  []byte // the body to send
	// AskedUsage says that Body asks for a usage chunk which the client did not
	// ask for and must not see.
	AskedUsage bool
	// Mask undoes in the answer what was masked in Body; nil if no decision masked.
	Mask *Mask

	Auto     bool   // the client asked for routing
	Name     string // of the decision
	Path     Path
	Degraded string // why Path is degraded: an outcome of classify, or "unread"

	// Guarded says that the client named its model and decisions that protect
	// were tried all the same; GuardFailures are those, of any request, that could
	// not be made.
	Guarded       bool
	GuardFailures []GuardFailure

	// Classified tells whether the encoder was asked about the text that routing
	// looks at; Outcome and Result are what it gave. Readings are all texts that
	// it was asked about, in order.
	Classified bool
	Outcome    string
	Result     classify.Result
	Readings   []Reading
	unread     int // see Unread

	Signals []Signal // those evaluated, in order
	Steps   []Step   // the trace, when asked for
	Elapsed Timings
}

// Signal is one evaluated signal.
type Signal struct {
	Type, Name string
	Matched    bool
	// Score is the probability or score that was held against the threshold; 0 of
	// a keyword.
	Score   float64
	Elapsed time.Duration // of what was read for it, else next to nothing
	Detail  string        // why, when a trace was asked for
}

// Reading is one text that the encoder was asked about.
type Reading struct {
	// View is the scope as routing.scope names it, or "mask" for all that is to be
	// masked, with "_fused" behind it where the parts of messages were joined by
	// nothing.
	View    string
	Outcome string
	Result  classify.Result
	Elapsed time.Duration
}

// Step is one line of the trace.
type Step struct {
	What    string        `json:"what"`
	Outcome string        `json:"outcome"`
	Elapsed time.Duration `json:"elapsed_ns"`
}

// Timings is the time each stage took.
type Timings struct{ Parse, Classify, Rules, Splice, Total time.Duration }

// Category is the classifier's label for what the prompt is about, empty where it
// was not asked or failed.
func (d *Decision) Category() string { return d.domain().Label }

// Confidence is the probability of Category.
func (d *Decision) Confidence() float64 { return d.domain().Confidence }

func (d *Decision) domain() classify.Verdict {
	v, _ := d.Result.Verdict(HeadDomain)
	return v
}

// Unread is how many tokens were not read: the most that a head which the decision
// asked left of one text. Heads on models of their own can leave different parts.
func (d *Decision) Unread() int { return d.unread }

// Spans are the personal data found in the widest text that was read, so that
// nothing counts twice.
func (d *Decision) Spans() []classify.Span {
	var widest *Reading
	for i := range d.Readings {
		if r := &d.Readings[i]; widest == nil || r.Result.Tokens > widest.Result.Tokens {
			widest = r
		}
	}
	if widest == nil {
		return nil
	}
	return widest.Result.Spans
}
