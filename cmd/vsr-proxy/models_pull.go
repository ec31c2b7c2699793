package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/vsr-proxy/vsr-proxy/classify/models/hub"
	"github.com/vsr-proxy/vsr-proxy/secret"
)

func newModelsPull() *cobra.Command {
	var o hub.Order
	var endpoint, sha256 string
	var catalogue bool
	c := &cobra.Command{
		Use:   "pull REPO",
		Short: "Download a classifier from Hugging Face and make a model folder of it",
		Long: "Pull downloads the ONNX file, the tokenizer and the configuration of a text or token\n" +
			"classifier at one commit, checks them against every hash that is known of them, and\n" +
			"writes a folder that classify.heads in the configuration can name. REPO is OWNER/NAME,\n" +
			"or a short name of the catalogue. An interrupted download goes on where it stopped.\n\n" +
			"Environment: HF_TOKEN opens private and gated repositories, HF_ENDPOINT is another\n" +
			"server that answers as huggingface.co does, HTTPS_PROXY is the way out.",
		Example: "  vsr-proxy models pull --catalogue\n" +
			"  vsr-proxy models pull vela-guard --out models/guard\n" +
			"  vsr-proxy models pull OWNER/NAME --revision COMMIT --head jailbreak --out models/guard \\\n" +
			"      --sha256 HEX --positive INJECTION",
		Args: func(c *cobra.Command, args []string) error {
			if catalogue {
				return cobra.NoArgs(c, args)
			}
			return cobra.ExactArgs(1)(c, args)
		},
		RunE: func(c *cobra.Command, args []string) error {
			if catalogue {
				return printCatalogue(c.OutOrStdout())
			}
			if o.Dir == "" {
				return errors.New("--out is needed: the folder to write")
			}
			complete(&o, args[0], sha256)
			return runPull(c, o, endpoint)
		},
	}
	f := c.Flags()
	f.StringVar(&o.Revision, "revision", "", "full `commit` to download, 40 hexadecimal digits; a branch is refused")
	f.StringVar(&o.Head, "head", "", "`name` of what it answers: domain, jailbreak, complexity, pii, or your own")
	f.StringVar(&o.Dir, "out", "", "`folder` to write; it must not exist")
	f.StringVar(&o.File, "file", "", "ONNX `file` in the repository (default "+hub.DefaultFile+")")
	f.StringVar(&sha256, "sha256", "", "SHA-256 that the ONNX file must have, in `hex`")
	f.StringVar(&o.Positive, "positive", "", "`label` that the head looks for (default: told by its name, where there are two)")
	f.IntVar(&o.Window, "window", 0, fmt.Sprintf("`tokens` of text that one run reads (default: what the model has positions for, at most %d)", hub.DefaultWindow))
	f.StringVar(&endpoint, "endpoint", os.Getenv("HF_ENDPOINT"), "`address` of the hub (default: HF_ENDPOINT, else "+hub.DefaultEndpoint+")")
	f.Lookup("endpoint").DefValue = "" // or --help would print the environment
	f.BoolVar(&catalogue, "catalogue", false, "list vLLM Semantic Router's classifiers by short name, and download nothing")
	return c
}

// complete fills in what the catalogue knows of a short name and the command
// line leaves open.
func complete(o *hub.Order, repo, sha256 string) {
	o.Repo = repo
	if e, ok := hub.Find(repo); ok {
		o.Repo = e.Repo
		fill(&o.Head, e.Head)
		fill(&o.File, e.File)
		fill(&o.Revision, e.Revision)
		o.Pins = map[string]string{}
		if o.Revision == e.Revision {
			o.Pins = e.Pins
		}
	}
	fill(&o.File, hub.DefaultFile)
	if sha256 != "" {
		o.Pins = maps.Clone(o.Pins)
		if o.Pins == nil {
			o.Pins = map[string]string{}
		}
		o.Pins[o.File] = sha256
	}
}

func fill(text *string, otherwise string) {
	if *text == "" {
		*text = otherwise
	}
}

func runPull(c *cobra.Command, o hub.Order, endpoint string) error {
	client, err := hub.New(hub.Options{
		Endpoint: endpoint, Token: secret.New(strings.TrimSpace(os.Getenv("HF_TOKEN"))), UserAgent: "vsr-proxy/" + version,
	})
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, stop := signal.NotifyContext(c.Context(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	pulled, err := client.Pull(ctx, o, downloadProgress(c.ErrOrStderr()))
	switch {
	case err != nil && ctx.Err() != nil:
		return fmt.Errorf("stopped; the same command goes on with what is in %s.partial", o.Dir)
	case err != nil:
		return err
	}
	return printPulled(c.OutOrStdout(), o, pulled)
}

func printPulled(out io.Writer, o hub.Order, p hub.Pulled) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, f := range p.Files {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", f.Name, megabytes(f.Bytes), f.SHA256, vouched(f.Trust))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	var b strings.Builder
	h := p.Manifest.Heads[0]
	fmt.Fprintf(&b, "\nwrote %s: head %s, window %d tokens, labels %s\n", o.Dir, h.Name, p.Manifest.Window, strings.Join(h.Labels, ", "))
	if h.Positive != "" {
		fmt.Fprintf(&b, "it looks for %q; --positive names another label\n", h.Positive)
	}
	fmt.Fprintf(&b, "licence, as its model card states it: %s\n", p.License)
	if graph := p.Files[len(p.Files)-1]; graph.Trust != hub.TrustPin {
		fmt.Fprintf(&b, "to have the same file for certain, pin it: --sha256 %s\n", graph.SHA256)
	}
	// In a configuration a relative path starts at the configuration's folder.
	folder, err := filepath.Abs(o.Dir)
	if err != nil {
		return err
	}
	fmt.Fprintf(&b, "\ntry it:  vsr-proxy models verify --run %s\nuse it:  classify: {heads: [{head: %s, model_dir: %s}]}\n", o.Dir, h.Name, folder)
	_, err = io.WriteString(out, b.String())
	return err
}

func vouched(t hub.Trust) string {
	switch t {
	case hub.TrustPin:
		return "as pinned"
	case hub.TrustHub:
		return "as the hub states"
	}
	return "no hash known: this download was trusted"
}

func printCatalogue(out io.Writer) error {
	for _, e := range hub.Catalogue() {
		revision := e.Revision
		if revision == "" {
			revision = "unknown to us"
		}
		if _, err := fmt.Fprintf(out, "%s\n  head       %s\n  what       %s\n  repository %s\n  revision   %s\n  unchecked  %s\n",
			e.Name, e.Head, e.About, e.Repo, revision, e.Unchecked); err != nil {
			return err
		}
	}
	return nil
}

// downloadProgress shows how far a download is: on a terminal in place, elsewhere
// in a line now and then.
func downloadProgress(w io.Writer) hub.Progress {
	every, before, after := 10*time.Second, "", "\n"
	if f, ok := w.(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
			every, before, after = 200*time.Millisecond, "\r\x1b[K", ""
		}
	}
	last := time.Now()
	return func(file string, done, total int64) {
		whole := done == total
		if time.Since(last) < every && !(whole && before != "") {
			return
		}
		last = time.Now()
		of := ""
		if total > 0 {
			of = fmt.Sprintf(" of %s (%d%%)", megabytes(total), done*100/total)
		}
		end := after
		if whole && before != "" {
			end = "\n"
		}
		fmt.Fprintf(w, "%s%s: %s%s%s", before, file, megabytes(done), of, end)
	}
}
