package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/vsr-proxy/vsr-proxy/classify/eval"
	"github.com/vsr-proxy/vsr-proxy/config"
)

// evalDeadline lets an evaluation measure the model and not the machine's load:
// a row is not given up after the second that a request would get.
const evalDeadline = 30 * time.Second

const evalHelp = `Eval asks the classifier about every row of a file and compares. The file is JSON
Lines, plain or gzipped; what stands beside "text" says what is measured:

  {"text": "Solve x^2 = 4.", "label": "math"}
      a head that judges whole texts: accuracy, macro-F1, calibration error,
      figures by label, confusion, latency; for a head with a positive label
      (jailbreak, complexity) AUC, precision, recall and false positive rate too.
      Without --head it is the one that has all labels of the file.

  {"text": "I am Ann.", "entities": [{"start": 5, "end": 8, "type": "PERSON"}]}
      what is found in texts, places in code points: precision, recall and F1 by
      type, with the same place and with any overlap.

  {"text": "Prove it.", "weak": 0, "strong": 1}
      a head that chooses between a weak and a strong language model, 1 where
      that one's answer was right, or how good it was on any scale: APGR,
      CPT(50%), CPT(80%) and the curve of quality over cost. Without --head it is
      complexity.

Labels and entities are counted by "source" (or else "lang") too, where rows have
it. No text of a row is printed or written; rows are named by their line.`

const evalExample = `  vsr-proxy eval prompts.jsonl
  vsr-proxy eval --head jailbreak --json attacks.jsonl.gz
  vsr-proxy eval --types PERSON,EMAIL_ADDRESS --scores found.jsonl pii.jsonl
  vsr-proxy eval --svg charts outcomes.jsonl`

// evalFlags is what the command was asked to do.
type evalFlags struct {
	config, head, scores, svg string
	types                     []string
	json                      bool
}

func newEval() *cobra.Command {
	var f evalFlags
	c := &cobra.Command{
		Use:     "eval DATA.jsonl",
		Short:   "Measure the classifier on rows whose right answer is known",
		Long:    evalHelp,
		Example: evalExample,
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			cfg, err := configOrDemo(f.config)
			if err != nil {
				return err
			}
			task, answers, err := evaluate(c.Context(), cfg.Classify, args[0], f, c.ErrOrStderr())
			if err != nil {
				return err
			}
			return f.write(c.OutOrStdout(), task, answers)
		},
	}
	c.Flags().StringVarP(&f.config, "config", "c", "", "configuration `file` whose classifier is measured (default: the embedded one)")
	c.Flags().StringVar(&f.head, "head", "", "`name` of the head to ask (default: the one that suits the rows)")
	c.Flags().StringSliceVar(&f.types, "types", nil, "restrict spans to these `types`, parted by commas")
	c.Flags().StringVar(&f.scores, "scores", "", "write each row's scores to this `file` as JSON Lines")
	c.Flags().StringVar(&f.svg, "svg", "", "write diagrams into this `folder`, made if need be")
	c.Flags().BoolVar(&f.json, "json", false, "print one JSON object")
	return c
}

// evaluate reads the rows before it loads the model, which takes longer.
func evaluate(ctx context.Context, settings config.Classify, file string, f evalFlags, progress io.Writer) (eval.Task, []eval.Answer, error) {
	data, err := readRows(file)
	if err != nil {
		return eval.Task{}, nil, fmt.Errorf("%s: %w", file, err)
	}
	if err := f.prepare(file); err != nil {
		return eval.Task{}, nil, err
	}
	settings.Deadline = evalDeadline
	if settings.Slots == 0 {
		settings.Slots = runtime.GOMAXPROCS(0)
	}
	e, err := openEngine(ctx, settings)
	if err != nil {
		return eval.Task{}, nil, err
	}
	defer e.close()
	task, err := eval.NewTask(e.classifier.Heads(), data, f.head, f.types)
	if err != nil {
		return eval.Task{}, nil, fmt.Errorf("%s: %w", file, err)
	}
	answers, err := eval.Run(ctx, e.classifier, data.Rows, settings.Slots, counter(progress, len(data.Rows)))
	return task, answers, err
}

func readRows(file string) (eval.Data, error) {
	f, err := os.Open(file)
	if err != nil {
		return eval.Data{}, err
	}
	defer f.Close()
	return eval.Read(f, eval.DefaultLimits())
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

// prepare sees to it that an evaluation of minutes does not end with a folder that
// isn't there.
func (f evalFlags) prepare(data string) error {
	if f.scores != "" {
		if err := f.checkScores(data); err != nil {
			return err
		}
	}
	if f.svg == "" {
		return nil
	}
	return os.MkdirAll(f.svg, 0o777)
}

// write gives the report, after the files that were asked for: the scores last, for
// they take the place of an earlier run's.
func (f evalFlags) write(out io.Writer, task eval.Task, answers []eval.Answer) error {
	report := task.Measure(answers)
	if f.svg != "" {
		if err := writeCharts(f.svg, report.Charts()); err != nil {
			return err
		}
	}
	if f.scores != "" {
		err := replaceFile(f.scores, func(w io.Writer) error { return task.WriteScores(w, answers) })
		if err != nil {
			return err
		}
	}
	if f.json {
		return eval.WriteJSON(out, report)
	}
	return report.WriteText(out)
}

func writeCharts(folder string, charts []eval.Chart) error {
	for _, c := range charts {
		if err := os.WriteFile(filepath.Join(folder, c.Name), c.SVG, 0o666); err != nil {
			return err
		}
	}
	return nil
}
