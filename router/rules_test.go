package router_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/vsr-proxy/vsr-proxy/chat"
	"github.com/vsr-proxy/vsr-proxy/config"
	"github.com/vsr-proxy/vsr-proxy/router"
)

const signals = `
  signals:
    keywords:
      - {name: a, operator: OR, keywords: [alpha]}
      - {name: b, operator: OR, keywords: [beta]}
    domains:
      - {name: math, categories: [math], threshold: 0.5}
      - {name: past, categories: [history, law], threshold: 0.5}
`

func withRule(rule string) string {
	return twoModels + signals + "  decisions:\n    - name: d\n      model: large\n      rules: " + rule + "\n"
}

const (
	a    = "{type: keyword, name: a}"
	b    = "{type: keyword, name: b}"
	math = "{type: domain, name: math}"
)

func op(operator string, conditions ...string) string {
	return "{operator: " + operator + ", conditions: [" + strings.Join(conditions, ", ") + "]}"
}

// The truth table of each operator, and of trees of them.
func TestRuleTrees(t *testing.T) {
	for _, c := range []struct {
		rule string
		want func(a, b, m bool) bool
	}{
		{a, func(a, _, _ bool) bool { return a }},
		{math, func(_, _, m bool) bool { return m }},
		{op("AND", a, b), func(a, b, _ bool) bool { return a && b }},
		{op("OR", a, b), func(a, b, _ bool) bool { return a || b }},
		{op("NOT", a), func(a, _, _ bool) bool { return !a }},
		{op("NOT", math), func(_, _, m bool) bool { return !m }},
		{op("AND", a), func(a, _, _ bool) bool { return a }},
		{op("AND", math, op("NOT", op("OR", a, b))), func(a, b, m bool) bool { return m && !(a || b) }},
		{op("OR", op("AND", a, math), op("AND", op("NOT", a), b)), func(a, b, m bool) bool { return a && m || !a && b }},
		{op("NOT", op("NOT", op("NOT", op("AND", a, op("OR", b, math))))), func(a, b, m bool) bool { return !(a && (b || m)) }},
	} {
		for i := range 8 {
			hasA, hasB, isMath := i&1 != 0, i&2 != 0, i&4 != 0
			text, s := "something", &stub{p: historical}
			if hasA {
				text += " alpha"
			}
			if hasB {
				text += " beta"
			}
			if isMath {
				s.p = mathematics
			}
			d := decide(build(t, withRule(c.rule), s), "auto", text)
			if got := d.Name == "d"; got != c.want(hasA, hasB, isMath) {
				t.Errorf("%s with a=%v b=%v math=%v: %v", c.rule, hasA, hasB, isMath, got)
			}
			if s.calls() > 1 {
				t.Errorf("%s: the encoder was asked %d times", c.rule, s.calls())
			}
		}
	}
}

// The encoder is asked only when the cheap signals leave the rule open, wherever
// in the file they stand.
func TestCheapSignalsComeFirst(t *testing.T) {
	for _, c := range []struct {
		rule, text string
		calls      int
	}{
		{op("OR", math, a), "alpha", 0},
		{op("OR", math, a), "nothing", 1},
		{op("AND", math, a), "nothing", 0},
		{op("AND", math, a), "alpha", 1},
		{op("AND", op("OR", math, b), a), "nothing", 0},
		{op("OR", op("NOT", math), op("NOT", a)), "nothing", 0},
		{op("AND", math, "{type: domain, name: past}", op("NOT", math)), "alpha", 1},
		{a, "nothing", 0},
	} {
		s := &stub{p: mathematics}
		decide(build(t, withRule(c.rule), s), "auto", c.text)
		if s.calls() != c.calls {
			t.Errorf("%s on %q: the encoder was asked %d times, want %d", c.rule, c.text, s.calls(), c.calls)
		}
	}
}

// Decisions are tried by falling priority, then in the order of the file; each
// signal is worked out once for all of them.
func TestPriorityThenOrderOfTheFile(t *testing.T) {
	s := &stub{p: mathematics}
	r := build(t, twoModels+signals+`
  decisions:
    - {name: low, priority: 1, model: small, rules: {type: domain, name: math}}
    - {name: middle, priority: 5, model: large, rules: {type: domain, name: math}}
    - {name: middle-too, priority: 5, model: small, rules: {type: domain, name: math}}
    - {name: high, priority: 9, model: small, rules: {operator: AND, conditions: [{type: keyword, name: a}, {type: domain, name: math}]}}
    - {name: negative, priority: -1, model: small, rules: {type: keyword, name: b}}
`, s)
	for text, want := range map[string]string{"alpha": "high", "nothing": "middle"} {
		if d := decide(r, "auto", text); d.Name != want {
			t.Errorf("%s: decision %s, want %s", text, d.Name, want)
		}
	}
	s.p = historical
	if d := decide(r, "auto", "alpha beta"); d.Name != "negative" || len(d.Signals) != 3 {
		t.Errorf("decision %s after signals %v", d.Name, d.Signals)
	}
	if d := decide(r, "auto", "nothing"); d.Name != router.DecisionDefault || d.Model != "small" || d.Path != router.PathUpstream {
		t.Errorf("no match: %+v", d)
	}
	if s.calls() != 4 {
		t.Errorf("the encoder was asked %d times for 4 requests", s.calls())
	}
}

// A domain holds when the best label is one of its own and their probabilities
// together reach the threshold.
func TestDomainThreshold(t *testing.T) {
	for _, c := range []struct {
		p     []float64 // math, history, law, other
		match bool
	}{
		{[]float64{.1, .8, .05, .05}, true},
		{[]float64{.1, .3, .25, .35}, false},  // 0.55, but the best label is another
		{[]float64{.2, .35, .15, .3}, true},   // exactly 0.5
		{[]float64{.3, .34, .15, .21}, false}, // 0.49
		{[]float64{.2, .01, .6, .19}, true},
	} {
		d := decide(build(t, withRule("{type: domain, name: past}"), &stub{p: c.p}), "auto", "x")
		if (d.Name == "d") != c.match {
			t.Errorf("%v: match is %v", c.p, !c.match)
		}
	}
}

// All unknown categories are named at once, with the path and the known ones.
func TestUnknownCategoriesAreRefused(t *testing.T) {
	cfg, err := config.Parse("config.yaml", []byte(twoModels+`
  signals:
    domains:
      - {name: a, categories: [math, maths], threshold: 0.5}
      - {name: b, categories: [History], threshold: 0.5}
`))
	if err != nil {
		t.Fatal(err)
	}
	_, err = router.New(cfg, heads, &stub{})
	if err == nil {
		t.Fatal("accepted")
	}
	for _, part := range []string{`domains[0].categories[1]: "maths"`, `domains[1].categories[0]: "History"`, "math, history, law, other"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q is not in: %v", part, err)
		}
	}
}

func TestTraceTellsWhy(t *testing.T) {
	req := ask("auto", "some alpha text")
	req.Trace = true
	d := build(t, withRule(op("AND", a, op("NOT", b), math)), &stub{p: mathematics}).Decide(context.Background(), req)
	var got []string
	for _, s := range d.Steps {
		got = append(got, s.What+": "+s.Outcome)
	}
	want := []string{
		`keyword a: match (settled by "alpha")`,
		`keyword b: no match`,
		`classify: ok: math 0.900 (7 tokens in 1 windows, 0 unread)`,
		`domain math: match (best label math, probability of the categories 0.900, threshold 0.500)`,
		`decision d: match`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
	if d.Elapsed.Total <= 0 || d.Elapsed.Parse <= 0 || d.Elapsed.Total < d.Elapsed.Parse+d.Elapsed.Classify+d.Elapsed.Splice {
		t.Errorf("times %+v", d.Elapsed)
	}
	if d := decide(build(t, withRule(a), &stub{}), "auto", "alpha"); len(d.Steps) != 0 || d.Signals[0].Detail != "" {
		t.Errorf("a trace that nobody asked for: %+v", d)
	}
}

// B7: every byte but the model's value is sent as it came, whatever the request
// holds and however it is decided.
func TestEveryOtherByteIsKept(t *testing.T) {
	r := build(t, twoModels+rules, &stub{p: mathematics})
	random := rand.New(rand.NewPCG(1, 2))
	pieces := []string{
		`"n":1e400`, `"big":9223372036854775808`, `"f":0.1`, `"f2":1.0E+2`, `"e":"\u00e9é😀\ud83d\ude00"`, `"Model":"other"`, `"MODEL":{"model":"x"}`,
		`"seed":-0`, `"stream":true`, `"stream_options":{"include_usage":true}`, `"x":[1, 2 ,{"model" : "inner"}]`, `"temperature" : 0.70`,
		`"messages":[{"role":"user","content":"solve \"it\" \/ \u0041"}]`, `"tools":[]`, `"user":"model"`, `"metadata":{"a":null,"b":true}`,
	}
	for range 20_000 {
		asked := []string{`"auto"`, `"large"`, `"gpt-4"`, `"\u0061uto"`, `"big\/one"`}[random.IntN(5)]
		members := []string{`"model"` + space(random) + ":" + space(random) + asked}
		messages := `"messages":[{"role":"user","content":"two and two"}]`
		for _, i := range random.Perm(len(pieces))[:random.IntN(6)] {
			if strings.HasPrefix(pieces[i], `"messages"`) {
				messages = pieces[i]
				continue
			}
			members = append(members, pieces[i])
		}
		members = append(members, messages)
		random.Shuffle(len(members), func(i, j int) { members[i], members[j] = members[j], members[i] })
		body := space(random) + "{" + space(random) + strings.Join(members, space(random)+","+space(random)) + space(random) + "}" + space(random)
		want := strings.Replace(body, members[slices.IndexFunc(members, func(m string) bool { return strings.HasPrefix(m, `"model"`) })], "", 1)
		d := r.Decide(context.Background(), router.Request{Kind: chat.Chat, Body: []byte(body)})
		if d.Error != nil {
			t.Fatalf("%s: %v", body, d.Error)
		}
		got := string(d.Body)
		at := strings.Index(got, `"org/large:70b"`)
		if at < 0 {
			t.Fatalf("%s became %s", body, got)
		}
		from := strings.LastIndex(got[:at], `"model"`)
		if rest := got[:from] + got[at+len(`"org/large:70b"`):]; rest != want {
			t.Fatalf("%s\nbecame %s", body, got)
		}
		if string(d.Request.Body) != body {
			t.Fatalf("the body itself was changed: %s", d.Request.Body)
		}
	}
}

func space(r *rand.Rand) string { return []string{"", "", " ", "\n", "\t", "\r\n  "}[r.IntN(6)] }

// The same request is decided the same way by many at once.
func TestDecideIsSafeForConcurrentUse(t *testing.T) {
	r := build(t, twoModels+rules, &stub{p: mathematics})
	done := make(chan error, 16)
	for i := range cap(done) {
		go func() {
			for j := range 200 {
				text := fmt.Sprintf("text %d of %d", j, i)
				d := decide(r, "auto", text)
				if d.Model != "large" || !strings.Contains(string(d.Body), text) {
					done <- fmt.Errorf("%s: %+v", text, d)
					return
				}
			}
			done <- nil
		}()
	}
	for range cap(done) {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}
