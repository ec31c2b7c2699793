package pii

import (
	"context"
	"slices"

	"github.com/vsr-proxy/vsr-proxy/classify"
)

// The types that Find gives, named as Microsoft Presidio and vLLM Semantic
// Router name them.
const (
	Email      = "EMAIL_ADDRESS"
	IBAN       = "IBAN_CODE"
	Card       = "CREDIT_CARD"
	IP         = "IP_ADDRESS"
	MAC        = "MAC_ADDRESS"
	SSN        = "US_SSN"
	Licence    = "US_DRIVER_LICENSE"
	Passport   = "US_PASSPORT"
	Birth      = "DATE_OF_BIRTH"
	Phone      = "PHONE_NUMBER"
	PostalCode = "ZIP_CODE"
)

// Types are the types that Find can give.
func Types() []string {
	return []string{Email, IBAN, Card, IP, MAC, SSN, Licence, Passport, Birth, Phone, PostalCode}
}

// source is what Find calls itself in a span.
const source = "patterns"

// Scores: how much a finding is worth.
const (
	scoreChecked = 1.0  // a checksum, or a form that nothing else has
	scoreFormat  = 0.9  // a form that little else has
	scoreCue     = 0.85 // a form, and a word that says what it is
	scoreRecord  = 0.7  // a form, among the other fields of a person
)

// Find gives the personal data in text that can be told by its form: sorted, not
// overlapping, each with the exact offsets of what it is without the words or
// quotes around it. Its time is linear in the length of text; as a text may be
// long, it stops between two detectors when ctx has ended, with ctx's error.
func Find(ctx context.Context, text string) ([]classify.Span, error) {
	s := &scan{view: newView(text)}
	if !slices.ContainsFunc(s.cells, func(c byte) bool { return isDigit(c) || c == '@' || c == ':' }) {
		return nil, nil // which is so of most texts
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.cues = s.view.cues()
	for _, find := range []func(*scan){
		findEmails, findHosts, findHardware, findAccounts, findCards, findSSNs, findLicences, findBirths, findPostalCodes, findPhones,
	} {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		find(s)
		s.settle()
	}
	return s.spans(), nil
}

// scan is one call of Find. Detectors run one after another, the surest first;
// what one found, later ones leave alone.
type scan struct {
	*view
	cues  []cue
	found []finding // settled: sorted, not overlapping
	fresh []finding // of the detector that runs
}

// finding is a span in cells.
type finding struct {
	from, to int
	typ      string
	score    float64
}

func (s *scan) add(typ string, from, to int, score float64) {
	s.fresh = append(s.fresh, finding{from, to, typ, score})
}

// settle takes over what the last detector found, where nothing was before.
func (s *scan) settle() {
	if len(s.fresh) == 0 {
		return
	}
	slices.SortStableFunc(s.fresh, func(a, b finding) int { return a.from - b.from })
	merged := make([]finding, 0, len(s.found)+len(s.fresh))
	end, i := 0, 0
	for _, f := range s.fresh {
		for i < len(s.found) && s.found[i].from < f.to {
			merged = append(merged, s.found[i])
			end = s.found[i].to
			i++
		}
		if f.from >= end {
			merged = append(merged, f)
			end = f.to
		}
	}
	s.found = append(merged, s.found[i:]...)
	s.fresh = s.fresh[:0]
}

// taken says whether something was found in the cells [from, to).
func (s *scan) taken(from, to int) bool {
	i, _ := slices.BinarySearchFunc(s.found, from, func(f finding, from int) int {
		if f.to <= from {
			return -1
		}
		return 1
	})
	return i < len(s.found) && s.found[i].from < to
}

func (s *scan) spans() []classify.Span {
	var out []classify.Span
	for _, f := range s.found {
		from, to := s.bytes(f.from, f.to)
		out = append(out, classify.Span{Type: f.typ, From: from, To: to, Score: f.score, Source: source})
	}
	return out
}
