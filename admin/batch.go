package admin

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vsr-proxy/vsr-proxy/chat"
	"github.com/vsr-proxy/vsr-proxy/classify"
	"github.com/vsr-proxy/vsr-proxy/live"
	"github.com/vsr-proxy/vsr-proxy/router"
)

// batchRequest is many texts to be classified alike.
type batchRequest struct {
	Texts    []string `json:"texts"`
	TaskType string   `json:"task_type"` // one of tasks; empty means intent
	Options  struct {
		ReturnProbabilities bool     `json:"return_probabilities"`
		ConfidenceThreshold float64  `json:"confidence_threshold"` // of entities
		EntityTypes         []string `json:"entity_types"`
	} `json:"options"`
}

// tasks are the heads that they need.
var tasks = map[string]string{
	"intent": router.HeadDomain, "pii": router.HeadPII, "security": router.HeadJailbreak, "complexity": router.HeadComplexity, "all": "",
}

// batchAnswer has the results in the order of the texts.
type batchAnswer struct {
	Results        []batchResult `json:"results"`
	Total          int           `json:"total_count"`
	Errors         int           `json:"error_count"`
	ProcessingTime float64       `json:"processing_time_ms"`
	Statistics     statistics    `json:"statistics"`
}

// batchResult is either an error or what the task asks for. Category is the label
// of the task's head; of personal data, the type of the surest entity or no_pii.
type batchResult struct {
	Category       string             `json:"category,omitempty"`
	Confidence     float64            `json:"confidence,omitzero"`
	Probabilities  map[string]float64 `json:"probabilities,omitempty"`
	Entities       []entity           `json:"entities,omitempty"`
	Intent         *intentAnswer      `json:"intent,omitempty"`
	PII            *piiAnswer         `json:"pii,omitempty"`
	Security       *securityAnswer    `json:"security,omitempty"`
	Complexity     *complexityAnswer  `json:"complexity,omitempty"`
	ProcessingTime float64            `json:"processing_time_ms"`
	Sizes          *sizes             `json:",embed"`
	Error          *batchError        `json:"error,omitempty"`
}

// batchError has the members of OpenAI's errors.
type batchError struct {
	Message string `json:"message"`
	Type    string `json:"type"`
	Param   string `json:"param"`
	Code    string `json:"code"`
}

// statistics are over the results without error; those of confidence over the ones
// that have any. no_pii has none: nobody says how sure it is that nothing was found.
type statistics struct {
	Categories    map[string]int `json:"category_distribution"`
	AvgConfidence float64        `json:"avg_confidence"`
	LowConfidence int            `json:"low_confidence_count"`
}

// lowConfidence is vLLM Semantic Router's bound for low_confidence_count.
const lowConfidence = 0.7

// answerWithin bounds the writing of an answer. The classifying of a batch has no
// bound as a whole: each text has one.
const answerWithin = time.Minute

// classifyBatch classifies many texts, no more at once than there are lanes.
func (d *door) classifyBatch(gen *live.Generation, w http.ResponseWriter, r *http.Request) {
	req, refusal := readBatch(gen, w, r)
	if refusal != nil {
		chat.WriteError(w, refusal)
		return
	}
	start := time.Now()
	results := d.classifyAll(r.Context(), gen, req)
	if r.Context().Err() != nil {
		return // the client left
	}
	// The server's own bound counts from the request's arrival.
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(answerWithin))
	out := batchAnswer{Results: results, Total: len(results), ProcessingTime: micros(time.Since(start)) / 1e3}
	out.count()
	writeJSON(w, http.StatusOK, out)
}

func readBatch(gen *live.Generation, w http.ResponseWriter, r *http.Request) (*batchRequest, *chat.Error) {
	req := new(batchRequest)
	if refusal := decode(gen, w, r, req, `{"texts": ["...", "..."], "task_type": "intent", "options": {"return_probabilities": true}}`); refusal != nil {
		return nil, refusal
	}
	if req.TaskType == "" {
		req.TaskType = "intent"
	}
	head, known := tasks[req.TaskType]
	limit := gen.Config.Admin.BatchTexts
	switch {
	case !known:
		return nil, badRequest("task_type", "The task type is one of intent, pii, security, complexity, all.")
	case len(req.Texts) == 0:
		return nil, badRequest("texts", "There are no texts to classify.")
	case len(req.Texts) > limit:
		return nil, &chat.Error{
			Status: http.StatusBadRequest, Type: "invalid_request_error", Code: "limit_exceeded", Param: "texts", NoRetry: true,
			Message: fmt.Sprintf("The batch has %d texts; the limit admin.batch_texts is %d.", len(req.Texts), limit),
		}
	case head != "" && !hasHead(gen, head):
		return nil, noHead(gen, head)
	}
	return req, nil
}

func (d *door) classifyAll(ctx context.Context, gen *live.Generation, req *batchRequest) []batchResult {
	results := make([]batchResult, len(req.Texts))
	most := lanesOf(gen)
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(most, len(results)) {
		workers.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= len(results) || !d.lanes.enter(ctx, most) {
					return
				}
				res, err := classifyInTurn(ctx, gen, req.Texts[i])
				d.lanes.leave()
				results[i] = req.result(gen, i, res, err)
			}
		})
	}
	workers.Wait()
	return results
}

// result puts what was found in the form that the task asks for.
func (req *batchRequest) result(gen *live.Generation, i int, res classify.Result, err error) batchResult {
	out := batchResult{ProcessingTime: millis(res)}
	if err != nil {
		e := classifyError(fmt.Sprintf("texts[%d]", i), err)
		out.Error = &batchError{Message: e.Message, Type: e.Type, Param: e.Param, Code: e.Code}
		return out
	}
	out.Sizes = sizesOf(res, tasks[req.TaskType])
	asked := intentOptions{ReturnProbabilities: req.Options.ReturnProbabilities}
	personal := piiOptions{EntityTypes: req.Options.EntityTypes, ConfidenceThreshold: req.Options.ConfidenceThreshold, ReturnPositions: true}
	switch req.TaskType {
	case "pii":
		out.Category, out.Entities = "no_pii", piiOf(res, req.Texts[i], personal).Entities
		for _, e := range out.Entities {
			if e.Confidence > out.Confidence {
				out.Category, out.Confidence = e.Type, e.Confidence
			}
		}
	case "all":
		all := combinedOf(gen, res, req.Texts[i], asked, personal, securityOptions{})
		out.Intent, out.PII, out.Security, out.Complexity = all.Intent, all.PII, all.Security, all.Complexity
		out.label(res, router.HeadDomain, false)
	default:
		out.label(res, tasks[req.TaskType], asked.ReturnProbabilities)
	}
	return out
}

func (b *batchResult) label(res classify.Result, head string, withAll bool) {
	v, ok := res.Verdict(head)
	if !ok {
		return
	}
	b.Category, b.Confidence = v.Label, v.Confidence
	if withAll {
		b.Probabilities = probabilities(v)
	}
}

// count sums the results up.
func (a *batchAnswer) count() {
	a.Statistics.Categories = map[string]int{}
	sum, sure := 0.0, 0
	for i := range a.Results {
		switch r := &a.Results[i]; {
		case r.Error != nil:
			a.Errors++
		case r.Category != "":
			a.Statistics.Categories[r.Category]++
			if r.Confidence == 0 {
				continue
			}
			sure++
			sum += r.Confidence
			if r.Confidence < lowConfidence {
				a.Statistics.LowConfidence++
			}
		}
	}
	if sure > 0 {
		a.Statistics.AvgConfidence = sum / float64(sure)
	}
}
