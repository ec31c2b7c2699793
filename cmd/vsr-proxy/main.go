// Command vsr-proxy gives every app a smarter OPENAI_BASE_URL: it classifies
// prompts inside the process, picks a model by rules and forwards.
//
// This package is the only one that knows all rooms: it builds them leaf first
// and takes them down in reverse.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// errSaid ends a command with exit status 1 when it has already printed why.
var errSaid = errors.New("already said")

func run(args []string, out, errOut io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetOut(out)
	root.SetErr(errOut)
	if err := root.Execute(); err != nil {
		if !errors.Is(err, errSaid) {
			fmt.Fprintln(errOut, "vsr-proxy:", err)
		}
		return 1
	}
	return 0
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:           "vsr-proxy",
		Short:         "An OpenAI-compatible proxy that picks the model for each prompt",
		Long:          "vsr-proxy accepts OpenAI requests, classifies the prompt with an encoder inside\nthe process, picks the model by rules and forwards to it.",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(newServe(), newDemo(), newCheck(), newExplain(), newEval(), newModels(), newVersion())
	return root
}
