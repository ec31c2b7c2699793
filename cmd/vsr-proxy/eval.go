package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/vsr-proxy/vsr-proxy/classify/eval"
	"github.com/vsr-proxy/vsr-proxy/config"
	"github.com/vsr-proxy/vsr-proxy/router"
)

// evalDeadline lets an evaluation measure the model and not the machine's load:
// a row is not given up after the second that a request would get.
const evalDeadline = 30 * time.Second

func newEval() *cobra.Command {
	var file, scores string
	var asJSON bool
	c := &cobra.Command{
		Use:   "eval DATA.jsonl",
		Short: "Measure the classifier on labelled prompts",
		Long: "Eval reads JSON Lines of {\"text\": ..., \"label\": ...}, plain or gzipped, and prints\n" +
			"accuracy, macro-F1, calibration error, accuracy by label, confusion and latency.\n" +
			"It prints no text of the file.",
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			cfg, err := configOrDemo(file)
			if err != nil {
				return err
			}
			answers, labels, err := evaluate(c.Context(), cfg.Classify, args[0], c.ErrOrStderr())
			if err != nil {
				return err
			}
			if scores != "" {
				if err := writeScores(scores, answers); err != nil {
					return err
				}
			}
			report := eval.Measure(labels, answers)
			if asJSON {
				return report.WriteJSON(c.OutOrStdout())
			}
			return report.WriteText(c.OutOrStdout())
		},
	}
	c.Flags().StringVarP(&file, "config", "c", "", "configuration `file` whose classifier is measured (default: the embedded one)")
	c.Flags().StringVar(&scores, "scores", "", "write each row's scores to this `file` as JSON Lines")
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return c
}

func evaluate(ctx context.Context, settings config.Classify, data string, progress io.Writer) ([]eval.Answer, []string, error) {
	settings.Deadline = evalDeadline
	e, err := openEngine(ctx, settings)
	if err != nil {
		return nil, nil, err
	}
	defer e.close()
	f, err := os.Open(data)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	labels := e.classifier.Labels(router.HeadDomain)
	rows, err := eval.Read(f, labels, eval.DefaultLimits())
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", data, err)
	}
	answers, err := eval.Run(ctx, e.classifier, rows, runtime.GOMAXPROCS(0), counter(progress, len(rows)))
	return answers, labels, err
}

// counter shows how far a long run is, no more than once a second.
func counter(w io.Writer, total int) func(done int) {
	var mu sync.Mutex
	var shown time.Time
	return func(done int) {
		mu.Lock()
		defer mu.Unlock()
		if time.Since(shown) < time.Second && done < total {
			return
		}
		shown = time.Now()
		fmt.Fprintf(w, "\r%d of %d rows", done, total)
		if done == total {
			fmt.Fprintln(w)
		}
	}
}

func writeScores(file string, answers []eval.Answer) error {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	if err := eval.WriteScores(f, answers); err != nil {
		_ = f.Close()
		return err
	}
	return f.Close()
}
