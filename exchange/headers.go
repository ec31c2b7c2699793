package exchange

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/vsr-proxy/vsr-proxy/chat"
	"github.com/vsr-proxy/vsr-proxy/router"
)

// Setter sets a header, in place of what was there.
type Setter func(name, value string)

// Towards sets what the backend, or the gateway before it, is told.
func (x *Exchange) Towards(set Setter) {
	set(router.HeaderSelectedModel, x.Decision.Model)
	set(router.HeaderRequestID, x.ID)
	set(HeaderRequestID, x.ID)
}

// Greet sets what stands on every answer.
func (x *Exchange) Greet(set Setter) {
	set(router.HeaderSchemaVersion, router.SchemaVersion)
	set(HeaderRequestID, x.ID)
}

// Decorate sets what the client learns about the decision.
func (x *Exchange) Decorate(set Setter) {
	d := x.Decision
	set(router.HeaderResponsePath, string(d.Path))
	set(router.HeaderModel, d.Model)
	set(router.HeaderDecision, headerSafe(d.Name))
	if d.Category() != "" {
		set(router.HeaderCategory, headerSafe(d.Category()))
		set(router.HeaderConfidence, strconv.FormatFloat(d.Confidence(), 'f', 3, 64))
	}
	if d.Degraded != "" {
		set(router.HeaderDegraded, d.Degraded)
	}
	if d.Mask != nil {
		set(router.HeaderMasked, strconv.Itoa(d.Mask.Values()))
	}
	if n := d.Unread(); n > 0 {
		set(router.HeaderUnread, strconv.Itoa(n))
	}
	if x.Debug {
		debugging(set, d)
	}
}

// Refuse notes a refusal and sets what its answer says beside the envelope. It is
// false for a client that left, which gets no answer.
func (x *Exchange) Refuse(e *chat.Error, set Setter) bool {
	x.Refusal, x.Status = e, e.Status
	if e.Status == router.StatusClientGone {
		return false
	}
	path := router.PathError
	if d := x.Decision; d != nil {
		if d.Path != router.PathUpstream && d.Path != router.PathDegraded { // else decided, but the backend failed
			path = d.Path
		}
		if e == d.Error {
			x.explain(set)
		}
	}
	set(router.HeaderResponsePath, string(path))
	return true
}

// explain sets what the client learns about a decision that refuses: which one it
// is, and no category and no score.
func (x *Exchange) explain(set Setter) {
	d := x.Decision
	if d.Name == "" {
		return
	}
	set(router.HeaderDecision, headerSafe(d.Name))
	if x.Debug {
		debugging(set, d)
	}
}

func debugging(set Setter, d *router.Decision) {
	set(router.HeaderSignals, matchedSignals(d))
	set(router.HeaderTimings, timings(d))
}

func matchedSignals(d *router.Decision) string {
	var names []string
	for _, s := range d.Signals {
		if s.Matched {
			names = append(names, s.Type+":"+strings.ReplaceAll(headerSafe(s.Name), ",", "_"))
		}
	}
	return strings.Join(names, ",")
}

// headerSafe keeps an operator's name from breaking a header.
func headerSafe(name string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f {
			return '_'
		}
		return r
	}, name)
}

// timings are in milliseconds; a Duration's own text is not plain ASCII.
func timings(d *router.Decision) string {
	ms := func(t time.Duration) float64 { return t.Seconds() * 1e3 }
	t := d.Elapsed
	return fmt.Sprintf("parse=%.3f,classify=%.3f,rules=%.3f,splice=%.3f,total=%.3f", ms(t.Parse), ms(t.Classify), ms(t.Rules), ms(t.Splice), ms(t.Total))
}
