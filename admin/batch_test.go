package admin_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vsr-proxy/vsr-proxy/admin"
	"github.com/vsr-proxy/vsr-proxy/classify/classifytest"
	"github.com/vsr-proxy/vsr-proxy/telemetry"
)

type batch struct {
	Results []struct {
		Category      string             `json:"category"`
		Confidence    float64            `json:"confidence"`
		Probabilities map[string]float64 `json:"probabilities"`
		Entities      []found            `json:"entities"`
		Intent        *intent            `json:"intent"`
		PII           *personal          `json:"pii"`
		Security      *attack            `json:"security"`
		Complexity    *struct {
			Category      string             `json:"category"`
			Confidence    float64            `json:"confidence"`
			Probabilities map[string]float64 `json:"probabilities"`
			Time          float64            `json:"processing_time_ms"`
		} `json:"complexity"`
		Time    float64 `json:"processing_time_ms"`
		Tokens  int     `json:"tokens"`
		Windows int     `json:"windows"`
		Unread  int     `json:"unread_tokens"`
		Error   *struct {
			Message string `json:"message"`
			Type    string `json:"type"`
			Param   string `json:"param"`
			Code    string `json:"code"`
		} `json:"error"`
	} `json:"results"`
	Total      int     `json:"total_count"`
	Errors     int     `json:"error_count"`
	Time       float64 `json:"processing_time_ms"`
	Statistics struct {
		Categories    map[string]int `json:"category_distribution"`
		AvgConfidence float64        `json:"avg_confidence"`
		LowConfidence int            `json:"low_confidence_count"`
	} `json:"statistics"`
}

func texts(task string, all ...string) string {
	body, _ := json.Marshal(map[string]any{"texts": all, "task_type": task, "options": map[string]any{"return_probabilities": true}})
	return string(body)
}

func TestBatchTasks(t *testing.T) {
	s := serveHeads(t, fourHeads())
	ask := func(task string, all ...string) (got batch) {
		t.Helper()
		s.post("/api/v1/classify/batch", texts(task, all...)).into(t, &got)
		if len(got.Results) != len(all) || got.Total != len(all) || got.Errors != 0 {
			t.Fatalf("%s: %+v", task, got)
		}
		return got
	}
	got := ask("intent", "some math", "some history", "more math")
	if got.Results[0].Category != "math" || got.Results[1].Category != "history" || got.Results[2].Category != "math" || got.Results[0].Confidence < .9 ||
		len(got.Results[1].Probabilities) != 3 || got.Statistics.Categories["math"] != 2 || got.Statistics.AvgConfidence < .9 || got.Results[0].Tokens != 2 {
		t.Errorf("%+v", got)
	}
	got = ask("pii", "nobody", "to 😀 Alice at alice@example.com")
	if got.Results[0].Category != "no_pii" || got.Results[1].Category != "EMAIL_ADDRESS" || places(got.Results[1].Entities) != "PERSON:5-10 EMAIL_ADDRESS:14-31" || got.Results[1].Entities[0].Value != "[DETECTED]" {
		t.Errorf("%+v", got)
	}
	got = ask("security", "jailbreak", "hello")
	if got.Results[0].Category != "jailbreak" || got.Results[1].Category != "benign" || len(got.Results[0].Probabilities) != 2 {
		t.Errorf("%+v", got)
	}
	got = ask("complexity", "prove", "hello")
	if got.Results[0].Category != "strong" || got.Results[1].Category != "weak" {
		t.Errorf("%+v", got)
	}
	runs := s.model.Counts().Runs
	got = ask("all", "prove math to Alice", "a jailbreak")
	if r := got.Results[0]; r.Category != "math" || r.Intent.Classification.Category != "math" || places(r.PII.Entities) != "PERSON:14-19" || r.Security.IsJailbreak || r.Complexity.Category != "strong" {
		t.Errorf("%+v", r)
	}
	if !got.Results[1].Security.IsJailbreak || s.model.Counts().Runs != runs+2 {
		t.Errorf("%+v after %d runs", got, s.model.Counts().Runs-runs)
	}
	var unnamed batch
	if s.post("/api/v1/classify/batch", `{"texts":["math"]}`).into(t, &unnamed); unnamed.Results[0].Category != "math" {
		t.Errorf("without a task type: %+v", unnamed)
	}
}

// That nothing was found has no confidence, so clean texts are neither unsure nor
// do they pull the mean down.
func TestCleanTextsDoNotCountAsUnsure(t *testing.T) {
	s := serveHeads(t, fourHeads())
	for _, test := range []struct {
		texts []string
		clean int
		mean  float64
	}{
		{[]string{"nobody", "nothing", "no one"}, 3, 0},
		{[]string{"nobody", "to alice@example.com", "nothing"}, 2, 1},
	} {
		var got batch
		s.post("/api/v1/classify/batch", texts("pii", test.texts...)).into(t, &got)
		if st := got.Statistics; st.AvgConfidence != test.mean || st.LowConfidence != 0 || st.Categories["no_pii"] != test.clean || got.Errors != 0 {
			t.Errorf("%q: %+v", test.texts, st)
		}
	}
}

// The error of one text stands in its place and does not touch the others.
func TestBatchKeepsOrderAndErrorsInPlace(t *testing.T) {
	s := serve(t)
	var all []string
	for i := range 300 {
		all = append(all, []string{"math", "history", " ", "math\u0000 math"}[i%4])
	}
	var got batch
	s.post("/api/v1/classify/batch", texts("intent", all...)).into(t, &got)
	if got.Errors != 75 || len(got.Results) != 300 {
		t.Fatalf("%d errors in %d results", got.Errors, len(got.Results))
	}
	for i, r := range got.Results {
		switch want := []string{"math", "history", "", "math"}[i%4]; {
		case r.Category != want:
			t.Errorf("text %d: %+v", i, r)
		case want == "" && (r.Error == nil || r.Error.Code != "invalid_value" || r.Error.Param != fmt.Sprintf("texts[%d]", i)):
			t.Errorf("text %d: %+v", i, r.Error)
		case want != "" && r.Error != nil:
			t.Errorf("text %d: %+v", i, r.Error)
		}
	}
	s.model.Set(classifytest.Knobs{Err: errors.New("boom")})
	got = batch{}
	s.post("/api/v1/classify/batch", texts("intent", "a", "b")).into(t, &got)
	if got.Errors != 2 || got.Results[1].Error.Code != "classification_failed" || got.Results[1].Error.Type != "server_error" || got.Results[1].Category != "" {
		t.Errorf("%+v", got)
	}
}

func TestBatchRefusals(t *testing.T) {
	s := serve(t) // admin.batch_texts is 1000 there
	for body, want := range map[string]string{
		`{"texts":[]}`:                           "400 invalid_value texts",
		`{}`:                                     "400 invalid_value texts",
		`{"texts":"a"}`:                          "400 invalid_value ",
		`{"texts":["a"],"task_type":"fact"}`:     "400 invalid_value task_type",
		texts("intent", make([]string, 1001)...): "400 limit_exceeded texts",
		texts("intent", strings.Repeat("a ", 8<<10)): "413 request_too_large ",
	} {
		var status int
		var code string
		fmt.Sscan(want, &status, &code)
		if param := mustFail(t, body[:min(len(body), 60)], s.post("/api/v1/classify/batch", body), status, code); !strings.HasSuffix(want, " "+param) {
			t.Errorf("%.60s: param %q", body, param)
		}
	}
	if a := s.post("/api/v1/classify/batch", texts("intent", make([]string, 1001)...)); !strings.Contains(a.body, "admin.batch_texts is 1000") {
		t.Errorf("%s", a.body)
	}
}

// However many batches there are, no more texts are classified at once than there
// are slots, so that those whom the other door lets in find the queue short.
func TestBatchesShareTheSlots(t *testing.T) {
	s := serve(t)
	slots := s.slots()
	most := 0
	var waits []time.Duration
	s.model.Set(classifytest.Knobs{Delay: 5 * time.Millisecond})
	var clients sync.WaitGroup
	for range 4 {
		clients.Go(func() {
			var all []string
			for i := range 20 * slots {
				all = append(all, fmt.Sprint("math ", i))
			}
			var got batch
			s.post("/api/v1/classify/batch", texts("intent", all...)).into(t, &got)
			if got.Errors != 0 {
				t.Errorf("%d errors", got.Errors)
			}
		})
	}
	stop := make(chan struct{})
	var door sync.WaitGroup
	door.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			most = max(most, s.asked.Stats().Inside)
			res, err := s.asked.Classify(context.Background(), "math")
			if err != nil {
				t.Error(err)
				return
			}
			waits = append(waits, res.QueueWait)
		}
	})
	clients.Wait()
	close(stop)
	door.Wait()
	if most > slots || most == 0 {
		t.Errorf("%d texts of batches inside at once, with %d slots", most, slots)
	}
	late := 0
	for _, w := range waits {
		if w > 500*time.Millisecond {
			late++
		}
	}
	if len(waits) < 10 || late > 0 {
		t.Errorf("%d of %d requests of the other door waited long", late, len(waits))
	}
}

// A batch may take longer than the server's bounds for a request, which are for
// what is answered at once.
func TestBatchOutlastsTheServersTimeouts(t *testing.T) {
	s := serve(t)
	s.model.Set(classifytest.Knobs{Delay: 30 * time.Millisecond})
	server := httptest.NewUnstartedServer(admin.Handler(admin.Options{
		Current: s.current, Metrics: telemetry.NewMetrics(telemetry.MetricsOptions{}).Handler(),
		Status: func() admin.Status { return admin.Status{} }, Reload: func() error { return nil },
	}))
	server.Config.ReadTimeout, server.Config.WriteTimeout = 200*time.Millisecond, 200*time.Millisecond
	server.Start()
	defer server.Close()
	all := make([]string, 25*s.slots())
	for i := range all {
		all[i] = "math"
	}
	start := time.Now()
	resp, err := server.Client().Post(server.URL+"/api/v1/classify/batch", "application/json", strings.NewReader(texts("intent", all...)))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var got batch
	if err := json.NewDecoder(resp.Body).Decode(&got); err != nil || len(got.Results) != len(all) || got.Errors != 0 {
		t.Errorf("%v: %d results, %d errors", err, len(got.Results), got.Errors)
	}
	if took := time.Since(start); took < 500*time.Millisecond {
		t.Errorf("took only %v", took)
	}
}

// L4: a client that leaves ends its batch.
func TestBatchEndsWithItsClient(t *testing.T) {
	s := serve(t)
	s.model.Set(classifytest.Knobs{Delay: 10 * time.Millisecond})
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, "POST", s.server.URL+"/api/v1/classify/batch", strings.NewReader(texts("intent", make1000()...)))
	if err != nil {
		t.Fatal(err)
	}
	if resp, err := s.server.Client().Do(req); err == nil {
		resp.Body.Close()
		t.Fatal("answered")
	}
	runs := -1
	for end := time.Now().Add(10 * time.Second); runs != s.model.Counts().Runs; time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("goes on")
		}
		runs = s.model.Counts().Runs
	}
	if runs >= 900 {
		t.Errorf("%d runs", runs)
	}
	var got batch // and gives back what it held
	if s.post("/api/v1/classify/batch", texts("intent", "math")).into(t, &got); got.Errors != 0 {
		t.Errorf("%+v", got)
	}
}

func make1000() []string {
	all := make([]string, 1000)
	for i := range all {
		all[i] = "a text"
	}
	return all
}
