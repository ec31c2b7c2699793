package admin

import (
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/vsr-proxy/vsr-proxy/classify"
	"github.com/vsr-proxy/vsr-proxy/classify/pii"
	"github.com/vsr-proxy/vsr-proxy/live"
	"github.com/vsr-proxy/vsr-proxy/router"
)

// Requests and answers have the fields that vLLM Semantic Router gave its
// endpoints of the same paths, and the sizes of what was read.

type intentOptions struct {
	ReturnProbabilities bool `json:"return_probabilities"`
}

type piiOptions struct {
	EntityTypes         []string `json:"entity_types"` // empty means all
	ConfidenceThreshold float64  `json:"confidence_threshold"`
	ReturnPositions     bool     `json:"return_positions"`
	MaskEntities        bool     `json:"mask_entities"`
	RevealEntityText    bool     `json:"reveal_entity_text"`
}

// securityOptions holds two that have no effect there and here: whoever sends
// them is not refused for it.
type securityOptions struct {
	DetectionTypes   []string `json:"detection_types"`
	Sensitivity      string   `json:"sensitivity"`
	IncludeReasoning bool     `json:"include_reasoning"`
}

// sizes say how much of the text was read.
type sizes struct {
	Tokens  int `json:"tokens"`
	Windows int `json:"windows"`
	Unread  int `json:"unread_tokens"`
}

type intentAnswer struct {
	Classification struct {
		Category       string  `json:"category"`
		Confidence     float64 `json:"confidence"`
		ProcessingTime float64 `json:"processing_time_ms"`
	} `json:"classification"`
	Probabilities map[string]float64 `json:"probabilities,omitempty"`
	Sizes         *sizes             `json:",embed"`
}

type piiAnswer struct {
	HasPII         bool     `json:"has_pii"`
	Entities       []entity `json:"entities"`
	MaskedText     *string  `json:"masked_text,omitzero"` // the text itself if nothing is to be masked
	Recommendation string   `json:"security_recommendation"`
	ProcessingTime float64  `json:"processing_time_ms"`
	Sizes          *sizes   `json:",embed"`
}

// entity is a span; its positions are in code points, [start, end).
type entity struct {
	Type       string  `json:"type"`
	Value      string  `json:"value"` // [DETECTED] unless the text itself was asked for
	Confidence float64 `json:"confidence"`
	Start      *int    `json:"start_position,omitempty"`
	End        *int    `json:"end_position,omitempty"`
	Masked     string  `json:"masked_value,omitempty"`
	Source     string  `json:"source"`
}

type securityAnswer struct {
	IsJailbreak      bool     `json:"is_jailbreak"`
	RiskScore        float64  `json:"risk_score"` // probability of an attack
	DetectionTypes   []string `json:"detection_types"`
	Confidence       float64  `json:"confidence"` // probability of what was decided
	Recommendation   string   `json:"recommendation"`
	Reasoning        string   `json:"reasoning,omitempty"`
	PatternsDetected []string `json:"patterns_detected"`
	ProcessingTime   float64  `json:"processing_time_ms"`
	Sizes            *sizes   `json:",embed"`
}

type complexityAnswer struct {
	Category       string             `json:"category"`
	Confidence     float64            `json:"confidence"`
	Probabilities  map[string]float64 `json:"probabilities,omitempty"`
	ProcessingTime float64            `json:"processing_time_ms"`
}

type combinedAnswer struct {
	Intent         *intentAnswer     `json:"intent"` // null where the classifier has no such head
	PII            *piiAnswer        `json:"pii"`
	Security       *securityAnswer   `json:"security"`
	Complexity     *complexityAnswer `json:"complexity"`
	ProcessingTime float64           `json:"processing_time_ms"`
	Sizes          *sizes            `json:",embed"`
}

func intentOf(res classify.Result, o intentOptions) *intentAnswer {
	v, _ := res.Verdict(router.HeadDomain)
	out := new(intentAnswer)
	out.Classification.Category, out.Classification.Confidence = v.Label, v.Confidence
	out.Classification.ProcessingTime = millis(res)
	if o.ReturnProbabilities {
		out.Probabilities = probabilities(v)
	}
	return out
}

func piiOf(res classify.Result, text string, o piiOptions) *piiAnswer {
	out := &piiAnswer{Entities: []entity{}, Recommendation: "allow", ProcessingTime: millis(res)}
	spans := slices.DeleteFunc(slices.Clone(res.Spans), func(s classify.Span) bool {
		return s.Score < o.ConfidenceThreshold || len(o.EntityTypes) > 0 && !slices.Contains(o.EntityTypes, s.Type)
	})
	mask := pii.NewMasker()
	if o.MaskEntities {
		out.MaskedText = new(mask.Mask(text, spans)) // first, so that the values below get its placeholders
	}
	places := codePoints(text, spans)
	for i, s := range spans {
		e := entity{Type: s.Type, Value: "[DETECTED]", Confidence: s.Score, Source: s.Source}
		value := text[s.From:s.To]
		if o.RevealEntityText {
			e.Value = value
		}
		if o.ReturnPositions {
			e.Start, e.End = &places[i][0], &places[i][1]
		}
		if o.MaskEntities {
			e.Masked = mask.Mask(value, []classify.Span{{Type: s.Type, To: len(value), Score: s.Score, Source: s.Source}})
		}
		out.Entities = append(out.Entities, e)
	}
	if len(spans) > 0 {
		out.HasPII, out.Recommendation = true, "block"
	}
	return out
}

// codePoints gives the places of spans, which are sorted, in code points.
func codePoints(text string, spans []classify.Span) [][2]int {
	out := make([][2]int, len(spans))
	at, n := 0, 0
	for i, s := range spans {
		n += utf8.RuneCountInString(text[at:s.From])
		out[i][0] = n
		n += utf8.RuneCountInString(text[s.From:s.To])
		out[i][1], at = n, s.To
	}
	return out
}

func securityOf(res classify.Result, heads []classify.Head, o securityOptions) *securityAnswer {
	v, _ := res.Verdict(router.HeadJailbreak)
	positive := ""
	for _, h := range heads {
		if h.Name == router.HeadJailbreak {
			positive = h.Positive
		}
	}
	out := &securityAnswer{
		RiskScore: v.P(positive), Confidence: v.Confidence, Recommendation: "allow", ProcessingTime: millis(res),
		DetectionTypes: []string{}, PatternsDetected: []string{},
	}
	if v.Label == positive {
		out.IsJailbreak, out.Recommendation = true, "block"
		out.DetectionTypes, out.PatternsDetected = []string{positive}, []string{positive}
	}
	if o.IncludeReasoning {
		out.Reasoning = fmt.Sprintf("The classifier says %s with probability %.3f.", v.Label, v.Confidence)
	}
	return out
}

func complexityOf(res classify.Result, o intentOptions) *complexityAnswer {
	v, _ := res.Verdict(router.HeadComplexity)
	out := &complexityAnswer{Category: v.Label, Confidence: v.Confidence, ProcessingTime: millis(res)}
	if o.ReturnProbabilities {
		out.Probabilities = probabilities(v)
	}
	return out
}

func combinedOf(gen *live.Generation, res classify.Result, text string, intent intentOptions, personal piiOptions, security securityOptions) combinedAnswer {
	out := combinedAnswer{ProcessingTime: millis(res), Sizes: sizesOf(res, "")}
	if hasHead(gen, router.HeadDomain) {
		out.Intent = intentOf(res, intent)
	}
	if hasHead(gen, router.HeadPII) {
		out.PII = piiOf(res, text, personal)
	}
	if hasHead(gen, router.HeadJailbreak) {
		out.Security = securityOf(res, gen.Heads, security)
	}
	if hasHead(gen, router.HeadComplexity) {
		out.Complexity = complexityOf(res, intent)
	}
	return out
}

// sizesOf says of a head what it left unread, of no head the most that one left.
func sizesOf(res classify.Result, head string) *sizes {
	return &sizes{Tokens: res.Tokens, Windows: res.Windows, Unread: res.UnreadOf(head)}
}

func millis(res classify.Result) float64 { return micros(res.Elapsed) / 1e3 }
