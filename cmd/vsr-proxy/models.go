package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/vsr-proxy/vsr-proxy/classify/accel"
	"github.com/vsr-proxy/vsr-proxy/classify/models"
)

func newModels() *cobra.Command {
	list := newModelsList()
	c := &cobra.Command{
		Use:   "models",
		Short: "List, verify and download classifiers",
		Long: "Models lists the classifiers that are installed: the one in the binary, and those that\n" +
			"a configuration names. It is the same as `models list`.",
		Args: cobra.NoArgs,
		RunE: list.RunE,
	}
	c.Flags().AddFlagSet(list.Flags())
	c.AddCommand(list, newModelsVerify(), newModelsPull())
	return c
}

func newModelsVerify() *cobra.Command {
	var run bool
	c := &cobra.Command{
		Use:   "verify [DIR...]",
		Short: "Check the files of models against their manifests",
		Long: "Verify hashes the files of each model folder and compares them with its manifest.json,\n" +
			"which it checks too. Without a folder it checks the model in the binary. It exits with 0\n" +
			"when everything is as it should be and with 1 when not, naming the file.",
		RunE: func(c *cobra.Command, folders []string) error {
			if len(folders) == 0 {
				folders = []string{""}
			}
			var failed error
			for _, folder := range folders {
				if err := verify(c.Context(), c.OutOrStdout(), folder, run); err != nil {
					fmt.Fprintln(c.ErrOrStderr(), "vsr-proxy:", err)
					failed = errSaid
				}
			}
			return failed
		},
	}
	c.Flags().BoolVar(&run, "run", false, "also load each model on the CPU and have it answer once")
	return c
}

func verify(ctx context.Context, out io.Writer, folder string, run bool) error {
	b, err := loadBundle(folder)
	if err != nil {
		return err
	}
	ran := ""
	if run {
		if err := answerOnce(ctx, b); err != nil {
			return fmt.Errorf("%s: %w", b.Origin, err)
		}
		ran = ", runs"
	}
	_, err = fmt.Fprintf(out, "%s: ok (%s %s%s)\n  %s  %s\n  %s  %s\n", b.Origin, b.Name, b.Version, ran,
		b.SHA256[models.ModelFile], models.ModelFile, b.SHA256[models.TokenizerFile], models.TokenizerFile)
	return err
}

// answerOnce opens a model with all its heads, which has it answer.
func answerOnce(ctx context.Context, b models.Bundle) error {
	cfg, err := configOrDemo("") // for the environment's say on the runtime library
	if err != nil {
		return err
	}
	cfg.Classify.Accelerator = string(accel.CPU)
	library, err := runtimeLibrary(cfg.Classify.Runtime.Path)
	if err != nil {
		return err
	}
	model, err := openModel(ctx, cfg.Classify, bundle{part{b.Manifest, b.Heads}, b.ONNX, b.Tokenizer}, library)
	if err != nil {
		return err
	}
	return model.Close()
}
