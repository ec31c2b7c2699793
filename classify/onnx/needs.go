package onnx

import (
	"debug/elf"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/vsr-proxy/vsr-proxy/classify/accel"
)

// explain adds what a provider's library needs to the error of loading it. The
// runtime says only that it failed, and the reason is nearly always a library of
// the accelerator's maker that is not installed. Elsewhere than on ELF systems,
// and without a provider library, the error stays as it is.
func explain(err error, folder string, p accel.Provider) error {
	name := "libonnxruntime_providers_" + string(p) + ".so"
	f, openErr := elf.Open(filepath.Join(folder, name))
	if openErr != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	all, listErr := f.ImportedLibraries()
	if listErr != nil {
		return err
	}
	var needs []string
	for _, library := range all {
		if !everywhere(library) {
			needs = append(needs, library)
		}
	}
	if len(needs) == 0 {
		return err
	}
	return fmt.Errorf("%w; %s needs %s on the loader's path", err, name, strings.Join(needs, ", "))
}

// everywhere tells whether a library comes with the C and C++ compilers.
func everywhere(library string) bool {
	stem, _, _ := strings.Cut(library, ".so")
	switch stem {
	case "libc", "libm", "libdl", "libpthread", "librt", "libgcc_s", "libstdc++":
		return true
	}
	return strings.HasPrefix(stem, "ld-linux")
}
