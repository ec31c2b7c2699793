package router

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/vsr-proxy/vsr-proxy/chat"
	"github.com/vsr-proxy/vsr-proxy/classify"
)

// evaluation is the state of one request's walk through the decisions: each
// signal is worked out at most once, and each text is read at most once.
type evaluation struct {
	router   *Router
	ctx      context.Context
	decision *Decision
	trace    bool

	guarding bool // the decision that is tried fails closed
	missing  missing

	texts  [6]string // by view
	have   [6]bool
	folded string // the routing text in lower case
	plain  normalized

	passes []pass
	facts  []fact // of learned signals
	end    time.Time
	failed error // a pass: no other is started
}

// missing is why signals of one decision are unknown.
type missing struct {
	failed         error
	unread, noText bool
}

func (m missing) any() bool { return m.failed != nil || m.unread || m.noText }

// pass is one text that the encoder was asked about, and where in
// Decision.Readings its answer stands.
type pass struct {
	text string
	at   int
	err  error
}

// fact is what is known of a learned signal.
type fact struct {
	signal  int
	matched bool
	partial bool  // its head did not read a part of its text
	err     error // why it is not known, if it isn't
}

func (v view) index() int {
	if v.fused {
		return 2*int(v.scope) + 1
	}
	return 2 * int(v.scope)
}

// text gives a view of the request.
func (e *evaluation) text(v view) string {
	if v.fused && !e.decision.Request.Splits(v.scope) {
		v.fused = false
	}
	i := v.index()
	if !e.have[i] {
		said := e.decision.Request.Text
		if v.fused {
			said = e.decision.Request.Fused
		}
		e.texts[i] = revealed(said(v.scope))
		e.have[i] = true
	}
	return e.texts[i]
}

// learned gives what a signal says in the decision that is tried, and notes why
// where it says nothing.
func (e *evaluation) learned(i int) truth {
	s, f := &e.router.learned[i], e.fact(i)
	partial := f.partial || e.guarding && e.decision.Request.HidesText()
	switch {
	case s.guards && f.matched:
		return yes
	case errors.Is(f.err, classify.ErrNoText):
		if s.guards && !partial {
			return no // what has no text can't attack by it
		}
		e.missing.unread = e.missing.unread || partial
		e.missing.noText = true
		return unknown
	case f.err != nil:
		e.missing.failed = f.err
		return unknown
	case partial && (s.guards || e.guarding || e.router.onUnread != "route"):
		e.missing.unread = true
		return unknown
	}
	return truthOf(f.matched)
}

func (e *evaluation) fact(i int) fact {
	for _, f := range e.facts {
		if f.signal == i {
			return f
		}
	}
	f := e.workOut(i)
	e.facts = append(e.facts, f)
	return f
}

// workOut reads the views of a signal until one matches.
func (e *evaluation) workOut(i int) fact {
	s, f := &e.router.learned[i], fact{signal: i}
	known := Signal{Type: s.kind, Name: s.name}
	var shown classify.Result
	read, before := 0, e.decision.Elapsed.Classify
	for _, v := range s.views {
		at, err := e.read(v)
		if err == nil && !s.answered(e.decision.Readings[at].Result) {
			err = classify.ErrBadOutput
		}
		if err != nil {
			if f.err == nil || errors.Is(f.err, classify.ErrNoText) {
				f.err = err
			}
			continue
		}
		res := e.decision.Readings[at].Result
		f.partial = e.leaves(res, s.head) || f.partial
		matched, score := s.judge(res)
		if read == 0 || matched || score > known.Score {
			shown, known.Score = res, score
		}
		read++
		if matched {
			f.matched = true
			break
		}
	}
	if read > 0 && errors.Is(f.err, classify.ErrNoText) {
		f.err = nil // another view has text
	}
	if f.err != nil && !f.matched {
		return f
	}
	known.Matched, known.Elapsed = f.matched, e.decision.Elapsed.Classify-before
	if e.trace {
		known.Detail = s.explain(shown)
	}
	e.add(known)
	return f
}

// read has the encoder read a view, unless it read the same text before, and
// gives the place of the answer in Decision.Readings. All passes together end by
// the deadline of one.
func (e *evaluation) read(v view) (int, error) {
	at, err := e.readText(e.text(v), e.router.nameOf(v), stepOf(v, e.router.scope))
	if at >= 0 {
		e.answersRouting(v, at)
	}
	return at, err
}

// readText is read for any text; name and step are what to call it. The place is
// -1 where the encoder was not asked because it failed before.
func (e *evaluation) readText(text, name, step string) (int, error) {
	for i := range e.passes {
		if p := &e.passes[i]; p.text == text {
			return p.at, p.err
		}
	}
	if e.failed != nil {
		return -1, e.failed
	}
	start, ctx := time.Now(), e.ctx
	if len(e.passes) == 0 {
		e.end = start.Add(e.router.deadline)
	} else {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, e.end)
		defer cancel()
	}
	res, err := e.router.classifier.Classify(ctx, text)
	d := e.decision
	took := time.Since(start)
	d.Elapsed.Classify += took
	at := len(d.Readings)
	d.Readings = append(d.Readings, Reading{View: name, Outcome: classify.Outcome(err, res), Result: res, Elapsed: took})
	e.passes = append(e.passes, pass{text, at, err})
	if err != nil && !errors.Is(err, classify.ErrNoText) {
		e.failed = err
	}
	if e.trace {
		e.step(step, describe(&d.Readings[at]), took)
	}
	return at, err
}

// answersRouting keeps the answer to the text that routing looks at.
func (e *evaluation) answersRouting(v view, at int) {
	if d := e.decision; v == (view{scope: e.router.scope}) {
		d.Classified, d.Outcome, d.Result = true, d.Readings[at].Outcome, d.Readings[at].Result
	}
}

// nameOf names a view by its scope as the configuration spells it.
func (r *Router) nameOf(v view) string {
	name := ""
	for text, scope := range scopes {
		if scope == v.scope {
			name = text
		}
	}
	if v.fused {
		name += "_fused"
	}
	return name
}

func stepOf(v view, routing chat.Scope) string {
	what := "classify"
	if v.scope != routing {
		what += " all turns"
	}
	if v.fused {
		what += ", parts joined"
	}
	return what
}

func describe(r *Reading) string {
	v, ok := r.Result.Verdict(HeadDomain)
	if !ok && len(r.Result.Verdicts) > 0 {
		v, ok = r.Result.Verdicts[0], true
	}
	if !ok {
		return r.Outcome
	}
	return fmt.Sprintf("%s: %s %.3f (%d tokens in %d windows, %d unread)",
		r.Outcome, v.Label, v.Confidence, r.Result.Tokens, r.Result.Windows, r.Result.UnreadTokens)
}

func (e *evaluation) add(s Signal) {
	e.decision.Signals = append(e.decision.Signals, s)
	if e.trace {
		text := truthOf(s.Matched).String()
		if s.Detail != "" {
			text += " (" + s.Detail + ")"
		}
		e.step(s.Type+" "+s.Name, text, s.Elapsed)
	}
}

func (e *evaluation) step(what, outcome string, elapsed time.Duration) {
	e.decision.Steps = append(e.decision.Steps, Step{What: what, Outcome: outcome, Elapsed: elapsed})
}
