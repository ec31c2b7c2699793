// Command validate renders every overlay, example and the chart, and holds what comes out against what an API server,
// Istio and Envoy would say, and against the project's own policy. It needs no cluster.
//
//   - Custom kinds are checked with the schemas and CEL rules of their definitions, which crds.txt pins; Kubernetes' own
//     kinds are decoded strictly; the Envoy configuration inside an EnvoyFilter is read by Envoy's own types.
//   - Policy (S7): non-root, seccomp, no capabilities, read-only root, pinned images, real probes, v1 where there is one.
//   - What is referred to exists: ConfigMaps, Secrets, accounts, roles, Services, ports, gateways, pools, pickers, routes.
//   - The router's configuration passes `vsr-proxy check` and agrees with routes, pools and filters around it.
//   - The guide's commands name files and objects that exist and releases that fit each other, and the chart says the same
//     as the overlays.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

func main() {
	root := flag.String("root", "../..", "the repository")
	binary := flag.String("binary", "", "vsr-proxy, for the configurations; default ROOT/bin/vsr-proxy")
	flag.Parse()
	if *binary == "" {
		*binary = filepath.Join(*root, "bin", "vsr-proxy")
	}
	found, summary, err := validate(*root, *binary)
	if err != nil {
		fmt.Fprintln(os.Stderr, "manifests:", err)
		os.Exit(1)
	}
	for _, f := range found {
		fmt.Fprintln(os.Stderr, "manifests:", f)
	}
	fmt.Printf("manifests: %s, %d findings\n", strings.Join(summary, ", "), len(found))
	if len(found) > 0 {
		os.Exit(1)
	}
}
