package main

import (
	"fmt"

	"github.com/spf13/cobra"

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
	return &cobra.Command{
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
				b, err := loadBundle(folder)
				if err != nil {
					fmt.Fprintln(c.ErrOrStderr(), "vsr-proxy:", err)
					failed = errSaid
					continue
				}
				if _, err := fmt.Fprintf(c.OutOrStdout(), "%s: ok (%s %s)\n", b.Origin, b.Name, b.Version); err != nil {
					return err
				}
				for _, name := range []string{models.ModelFile, models.TokenizerFile} {
					if _, err := fmt.Fprintf(c.OutOrStdout(), "  %s  %s\n", b.SHA256[name], name); err != nil {
						return err
					}
				}
			}
			return failed
		},
	}
}
