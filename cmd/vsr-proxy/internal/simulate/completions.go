package simulate

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"

	openai "github.com/sashabaranov/go-openai"
)

type completionRequest struct {
	Model         string
	Prompt        prompts
	Stream        bool
	StreamOptions openai.StreamOptions `json:"stream_options"`
	MaxTokens     int                  `json:"max_tokens"`
}

func (q *completionRequest) modelName() string { return q.Model }

// prompts are OpenAI's legacy inputs: a text, texts, token ids, or lists of token ids. Ids count as tokens and say
// nothing.
type prompts struct {
	texts []string
	ids   int
}

// UnmarshalJSON reads all four forms.
func (p *prompts) UnmarshalJSON(raw []byte) error {
	var one string
	if json.Unmarshal(raw, &one) == nil {
		p.texts = []string{one}
		return nil
	}
	if json.Unmarshal(raw, &p.texts) == nil {
		return nil
	}
	p.texts = nil
	var ids []int
	if json.Unmarshal(raw, &ids) == nil {
		p.texts, p.ids = []string{""}, len(ids)
		return nil
	}
	var lists [][]int
	if err := json.Unmarshal(raw, &lists); err != nil {
		return err
	}
	for _, list := range lists {
		p.texts, p.ids = append(p.texts, ""), p.ids+len(list)
	}
	return nil
}

func (b *backend) completions(w http.ResponseWriter, r *http.Request, body []byte) {
	var q completionRequest
	if !b.decode(w, body, &q) {
		return
	}
	if len(q.Prompt.texts) == 0 {
		writeError(w, http.StatusBadRequest, "invalid_request_error", "", "prompt", "you must provide a prompt")
		return
	}
	a := ask{maxTokens: q.MaxTokens, stream: q.Stream, usage: q.StreamOptions.IncludeUsage, words: q.Prompt.ids}
	a.read("user", strings.Join(q.Prompt.texts, "\n"), 0)
	f := parseFault(a.question)
	if f.before(w, r, a.stream) {
		return
	}
	rep := b.reply(a, f)
	out := completion{ID: b.id("cmpl-", body), Object: "text_completion", Created: time.Now().Unix(), Model: b.name}
	if a.stream {
		b.streamCompletion(w, r, a, f, rep, out)
		return
	}
	if !b.think(r, rep) {
		return
	}
	total := usage(a, rep)
	out.Choices = []completionChoice{{Text: rep.text(), FinishReason: finish(rep)}}
	out.Usage = usageField{asked: true, Usage: &total}
	writeJSON(w, http.StatusOK, out)
}

type completion struct {
	ID      string             `json:"id"`
	Object  string             `json:"object"`
	Created int64              `json:"created"`
	Model   string             `json:"model"`
	Choices []completionChoice `json:"choices"`
	Usage   usageField         `json:"usage,omitzero"`
}

type completionChoice struct {
	Text         string              `json:"text"`
	Index        int                 `json:"index"`
	FinishReason openai.FinishReason `json:"finish_reason"`
	LogProbs     any                 `json:"logprobs"`
}

func (b *backend) streamCompletion(w http.ResponseWriter, r *http.Request, a ask, f fault, rep reply, out completion) {
	s := b.startStream(w, r, f, breakChat)
	out.Usage = usageField{asked: a.usage}
	for _, t := range rep.tokens {
		s.token()
		out.Choices = []completionChoice{{Text: t}}
		s.event("", out)
	}
	out.Choices = []completionChoice{{FinishReason: finish(rep)}}
	s.event("", out)
	if a.usage {
		total := usage(a, rep)
		out.Choices, out.Usage.Usage = []completionChoice{}, &total
		s.event("", out)
	}
	s.done()
}
