package classify

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Panel is several classifiers that share out the heads among them and answer
// as one. Like them it is safe for concurrent use.
type Panel struct {
	members  []*Classifier
	deadline time.Duration
}

// NewPanel makes a panel that owns its members from then on. No two of them may
// answer for one head. The first one's Options.Deadline is that of the panel.
func NewPanel(members ...*Classifier) (*Panel, error) {
	if len(members) == 0 {
		return nil, errors.New("make panel of classifiers: it has no members")
	}
	of := make(map[string]bool)
	for _, m := range members {
		for _, h := range m.heads {
			if of[h.Name] {
				return nil, fmt.Errorf("make panel of classifiers: two members answer for head %q", h.Name)
			}
			of[h.Name] = true
		}
	}
	return &Panel{members, members[0].opt.Deadline}, nil
}

// Classify asks the members one after another, within one deadline. If one of
// them fails, so does the whole. In the result Tokens, Windows and QueueWait are
// sums over the members, which each read the text. UnreadTokens is the most that
// one of them left: their tokens are not the same, so a sum would count nothing.
func (p *Panel) Classify(ctx context.Context, text string) (Result, error) {
	start := time.Now()
	timed, cancel := context.WithTimeout(ctx, p.deadline)
	defer cancel()
	var all Result
	var found finding
	for _, m := range p.members {
		one, spans, err := m.judge(timed, text)
		all.QueueWait += one.QueueWait
		if err != nil {
			return Result{QueueWait: all.QueueWait, Elapsed: time.Since(start)}, err
		}
		all.Verdicts = append(all.Verdicts, one.Verdicts...)
		all.Tokens += one.Tokens
		all.UnreadTokens = max(all.UnreadTokens, one.UnreadTokens)
		p.note(&all, m, one.UnreadTokens)
		all.Windows += one.Windows
		found.patterns = append(found.patterns, spans.patterns...)
		found.learned = append(found.learned, spans.learned...)
	}
	all.Spans = found.merged(text)
	all.Elapsed = time.Since(start)
	return all, nil
}

// note keeps what a member left unread for each of its heads. Most panels have one
// member, whose result says it without.
func (p *Panel) note(all *Result, m *Classifier, unread int) {
	if len(p.members) == 1 {
		return
	}
	if all.UnreadBy == nil {
		all.UnreadBy = make(map[string]int)
	}
	for _, h := range m.heads {
		all.UnreadBy[h.Name] = unread
	}
}

// Heads are the questions that the members answer, in their order.
func (p *Panel) Heads() []Head {
	var all []Head
	for _, m := range p.members {
		all = append(all, m.heads...)
	}
	return all
}

// Labels are those of a head, in logit order; nil if there is no such head.
func (p *Panel) Labels(head string) []string {
	for _, m := range p.members {
		if labels := m.Labels(head); labels != nil {
			return labels
		}
	}
	return nil
}

// Stats is the sum of what the members are doing.
func (p *Panel) Stats() Stats {
	var all Stats
	for _, m := range p.members {
		s := m.Stats()
		all.Slots += s.Slots
		all.InUse += s.InUse
		all.Inside += s.Inside
		all.Waiting += s.Waiting
		all.Hung += s.Hung
	}
	return all
}

// Close closes all members, also when one of them can't be; see Classifier.Close.
func (p *Panel) Close(ctx context.Context) error {
	var wrong []error
	for _, m := range p.members {
		wrong = append(wrong, m.Close(ctx))
	}
	return errors.Join(wrong...)
}
