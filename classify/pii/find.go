package pii

import (
	"context"
	"fmt"
	"math"
	"slices"
	"sort"

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

// longestText is how many bytes Find reads: offsets are held in 31 bits.
const longestText = math.MaxInt32

// Find gives the personal data in text that can be told by its form: sorted, not
// overlapping, each with the exact offsets of what it is without the words or
// quotes around it. Its time is linear in the length of text; as a text may be
// long, it looks at ctx every so many bytes, and stops with ctx's error. A text of
// 2 GiB or more it refuses with an error, unread.
func Find(ctx context.Context, text string) ([]classify.Span, error) {
	if err := refuse(len(text)); err != nil {
		return nil, err
	}
	if !mayHold(ctx, text) {
		return nil, nil // which is so of most texts
	}
	if err := ctx.Err(); err != nil {
		return nil, err // before it takes memory
	}
	s := &scan{view: view{text: text}}
	if err := s.read(ctx); err != nil {
		return nil, err
	}
	cues, err := s.view.cues(ctx)
	if err != nil {
		return nil, err
	}
	s.cues = cues
	for _, find := range detectors {
		find(ctx, s)
		if err := ctx.Err(); err != nil {
			return nil, err // it may have stopped half way
		}
		s.settle()
	}
	return s.spans(ctx)
}

// detectors are in the order they run in. It is never changed.
var detectors = []func(context.Context, *scan){
	findEmails, findHosts, findHardware, findAccounts, findCards, findSSNs, findLicences, findBirths, findPostalCodes, findPhones,
}

func refuse(size int) error {
	if size > longestText {
		return fmt.Errorf("read a text of %d bytes for personal data: more than %d", size, longestText)
	}
	return nil
}

// scan is one call of Find. Detectors run one after another, the surest first;
// what one found, later ones leave alone. One whose context ends stops wherever
// it is, and what it found then is worth nothing.
type scan struct {
	view
	cues   cueList
	found  []finding // settled: sorted, not overlapping
	fresh  []finding // of the detector that runs, sorted
	grades []grade   // that the findings have
}

// finding is a span in cells. It is small, as there may be one every few bytes.
type finding struct {
	from, to int32
	grade    uint8 // an index of scan.grades, of which there are a few for each type
}

type grade struct {
	typ   string
	score float64
}

// add puts a finding of the detector that runs in its place: they come nearly in
// order. To sort them in the end could take longer than there is time.
func (s *scan) add(typ string, from, to int, score float64) {
	g := grade{typ, score}
	n := slices.Index(s.grades, g)
	if n < 0 {
		n = len(s.grades)
		s.grades = append(s.grades, g)
	}
	s.fresh = append(s.fresh, finding{int32(from), int32(to), uint8(n)})
	for n := len(s.fresh) - 1; n > 0 && s.fresh[n-1].from > s.fresh[n].from; n-- {
		s.fresh[n-1], s.fresh[n] = s.fresh[n], s.fresh[n-1] // a few steps at most
	}
}

// settle takes over what the last detector found, where nothing was before.
func (s *scan) settle() {
	if len(s.fresh) == 0 {
		return
	}
	merged := make([]finding, 0, len(s.found)+len(s.fresh))
	end, i := int32(0), 0
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
	i := first(s.found, from)
	return i < len(s.found) && int(s.found[i].from) < to
}

// first is the index of the first finding that ends after the cell i.
func first(list []finding, i int) int {
	return sort.Search(len(list), func(n int) bool { return int(list[n].to) > i })
}

// spans are what was found. It is the end of s: what takes memory is let go.
func (s *scan) spans(ctx context.Context) ([]classify.Span, error) {
	if len(s.found) == 0 {
		return nil, nil
	}
	s.cells, s.cues, s.fresh = nil, cueList{}, nil
	out := make([]classify.Span, 0, len(s.found))
	var p pace
	for n := 0; p.more(ctx, n, len(s.found)); n++ {
		f := s.found[n]
		from, to := s.bytes(int(f.from), int(f.to))
		g := s.grades[f.grade]
		out = append(out, classify.Span{Type: g.typ, From: from, To: to, Score: g.score, Source: source})
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return out, nil
}
