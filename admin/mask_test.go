package admin_test

import (
	"context"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/vsr-proxy/vsr-proxy/admin"
	"github.com/vsr-proxy/vsr-proxy/chat"
	"github.com/vsr-proxy/vsr-proxy/classify"
	"github.com/vsr-proxy/vsr-proxy/classify/pii"
	"github.com/vsr-proxy/vsr-proxy/config"
	"github.com/vsr-proxy/vsr-proxy/router"
)

// patterns classifies by patterns alone.
type patterns struct{}

func (patterns) Classify(ctx context.Context, text string) (classify.Result, error) {
	spans, err := pii.Find(ctx, text)
	return classify.Result{Spans: spans, Tokens: 1, Windows: 1}, err
}

// S13: a dry run of a decision that masks says how much, and nothing of it.
func TestDryRunOfAMaskingDecision(t *testing.T) {
	cfg, err := config.Parse("config.yaml", []byte(`
models: [{name: a, endpoints: [{url: "http://127.0.0.1:9/v1"}]}]
routing:
  default_model: a
  signals: {keywords: [{name: mail, operator: OR, keywords: [mail]}]}
  decisions: [{name: private, action: mask, rules: {type: keyword, name: mail}}]
`))
	if err != nil {
		t.Fatal(err)
	}
	r, err := router.New(cfg, nil, patterns{})
	if err != nil {
		t.Fatal(err)
	}
	got := admin.Explain(r.Decide(context.Background(), router.Request{
		Kind: chat.Chat, Body: []byte(prompt("auto", "mail canary@corp.example and canary@corp.example, card 4111 1111 1111 1111")), Trace: true,
	}))
	if want := map[string]int{"EMAIL_ADDRESS": 1, "CREDIT_CARD": 1}; !reflect.DeepEqual(got.Masked, want) || got.Decision != "private" || got.Model != "a" {
		t.Errorf("%+v", got)
	}
	if text, err := json.Marshal(got); err != nil || strings.Contains(string(text), "canary") || strings.Contains(string(text), "4111") {
		t.Errorf("a value is in %s, %v", text, err)
	}
}
