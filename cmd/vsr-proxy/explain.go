package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"sort"
	"text/tabwriter"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/spf13/cobra"

	"github.com/vsr-proxy/vsr-proxy/admin"
	"github.com/vsr-proxy/vsr-proxy/chat"
	"github.com/vsr-proxy/vsr-proxy/config"
	"github.com/vsr-proxy/vsr-proxy/router"
)

func newExplain() *cobra.Command {
	var file, model string
	var asJSON bool
	c := &cobra.Command{
		Use:   "explain PROMPT",
		Short: "Show how a prompt would be routed, and why",
		Long:  "Explain runs the real classifier and rules on one prompt and sends nothing.\nWithout --config it uses the rules of the demo.",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			cfg, err := configOrDemo(file)
			if err != nil {
				return err
			}
			d, err := decideOnce(c.Context(), cfg, model, args[0])
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(c.OutOrStdout(), admin.Explain(d))
			}
			return printDecision(c.OutOrStdout(), admin.Explain(d))
		},
	}
	c.Flags().StringVarP(&file, "config", "c", "", "configuration `file` (default: the demo's rules)")
	c.Flags().StringVar(&model, "model", "", "`name` the request asks for (default: the first auto name)")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func configOrDemo(file string) (*config.Config, error) {
	if file == "" {
		return demoConfig("127.0.0.1:0", "127.0.0.1:0", "http://127.0.0.1:9", "http://127.0.0.1:9")
	}
	return config.Load(file)
}

func decideOnce(ctx context.Context, cfg *config.Config, model, prompt string) (*router.Decision, error) {
	e, err := openEngine(ctx, cfg.Classify)
	if err != nil {
		return nil, err
	}
	defer e.close()
	rules, err := router.New(cfg, e.classifier.Heads(), e.classifier)
	if err != nil {
		return nil, err
	}
	if model == "" {
		model = cfg.Routing.AutoModels[0]
	}
	body, err := json.Marshal(map[string]any{
		"model":    model,
		"messages": []map[string]string{{"role": "user", "content": prompt}},
	}, json.Deterministic(true))
	if err != nil {
		return nil, fmt.Errorf("prompt is not text: %w", err)
	}
	return rules.Decide(ctx, router.Request{Kind: chat.Chat, Body: body, Trace: true}), nil
}

func printJSON(w io.Writer, v any) error {
	if err := json.MarshalWrite(w, v, json.Deterministic(true), jsontext.WithIndent("  ")); err != nil {
		return err
	}
	_, err := fmt.Fprintln(w)
	return err
}

// printDecision is the form for people: the outcome, then the way to it.
func printDecision(out io.Writer, r admin.Routed) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	if r.Error != nil {
		fmt.Fprintf(w, "refused\t%d %s: %s\n", r.Error.Status, r.Error.Code, r.Error.Message)
	} else {
		fmt.Fprintf(w, "model\t%s\ndecision\t%s\nresponse path\t%s\n", r.Model, r.Decision, r.Path)
	}
	if r.Degraded != "" {
		fmt.Fprintf(w, "degraded\t%s\n", r.Degraded)
	}
	if r.Category != "" {
		fmt.Fprintf(w, "category\t%s (confidence %.3f)\n", r.Category, r.Confidence)
		fmt.Fprintf(w, "read\t%d tokens in %d windows, %d unread\n", r.Tokens, r.Windows, r.Unread)
		fmt.Fprintf(w, "runners-up\t%s\n", runnersUp(r))
	}
	printReadings(w, r.Readings)
	for _, u := range r.Unchecked {
		fmt.Fprintf(w, "unchecked\t%s: %s\n", u.Decision, u.Reason)
	}
	for _, kind := range slices.Sorted(maps.Keys(r.Masked)) {
		fmt.Fprintf(w, "masked\t%d %s\n", r.Masked[kind], kind)
	}
	fmt.Fprintln(w, "\nstep\toutcome\ttime")
	for _, s := range r.Trace {
		fmt.Fprintf(w, "%s\t%s\t%s\n", s.What, s.Outcome, duration(s.Micros))
	}
	e := r.Elapsed
	fmt.Fprintf(w, "\ntime\tparse %s, classify %s, rules %s, splice %s, total %s\n",
		duration(e["parse"]), duration(e["classify"]), duration(e["rules"]), duration(e["splice"]), duration(e["total"]))
	return w.Flush()
}

// printReadings is what the classifier says beside the category: the other heads,
// and the places of personal data without what stands there.
func printReadings(w io.Writer, readings []admin.Reading) {
	for _, one := range readings {
		where := ""
		if len(readings) > 1 {
			where = " in " + one.View
		}
		for _, v := range one.Verdicts {
			if v.Head != router.HeadDomain {
				fmt.Fprintf(w, "%s\t%s (confidence %.3f)%s\n", v.Head, v.Label, v.Confidence, where)
			}
		}
		for _, s := range one.Spans {
			fmt.Fprintf(w, "%s\tbytes %d to %d (score %.3f, %s)%s\n", s.Type, s.From, s.To, s.Score, s.Source, where)
		}
	}
}

func duration(micros float64) string {
	if micros >= 1000 {
		return fmt.Sprintf("%.1f ms", micros/1000)
	}
	return fmt.Sprintf("%.1f µs", micros)
}

// runnersUp are the next three labels.
func runnersUp(r admin.Routed) string {
	labels := make([]string, 0, len(r.Scores))
	for label := range r.Scores {
		if label != r.Category {
			labels = append(labels, label)
		}
	}
	sort.Slice(labels, func(i, j int) bool { return r.Scores[labels[i]] > r.Scores[labels[j]] })
	text := ""
	for i, label := range labels[:min(3, len(labels))] {
		if i > 0 {
			text += ", "
		}
		text += fmt.Sprintf("%s %.3f", label, r.Scores[label])
	}
	return text
}
