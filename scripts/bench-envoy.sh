#!/usr/bin/env bash
# Measures what a processor behind Envoy costs, and prints each figure beside its bar; see docs/benchmarks.md. Nothing
# here is a test: a busy machine changes the figures, and the script succeeds whatever they are.
#
#   scripts/bench-envoy.sh [FLAGS OF e2e/envoy/bench]   about four minutes; needs bin/vsr-proxy (make build) and Linux
#
# The peer is the body-based router of the Gateway API inference extension. It is built once into .cache, from the module
# that e2e/envoy/bench/peer pins: some 150 seconds of processor time. Where that fails the bench goes without it.
set -euo pipefail
cd "$(dirname "$0")/.."

envoy=$(scripts/envoy.sh)
key=$(sha256sum e2e/envoy/bench/peer/go.sum | cut -c1-12)
peer=.cache/bbr-$key/bbr
if [ ! -x "$peer" ]; then
  echo "bench-envoy: building the body-based router, once" >&2
  mkdir -p ".cache/bbr-$key"
  (cd e2e/envoy/bench/peer && CGO_ENABLED=0 nice -n 10 go build -mod=readonly -ldflags '-s -w' \
    -o "$OLDPWD/$peer" sigs.k8s.io/gateway-api-inference-extension/cmd/bbr) || peer=
fi

echo "== machine: $(nproc) cores, $(uname -sm), $(go version | cut -d' ' -f3), $("$envoy" --version | grep -o '[0-9.]*/Clean'), $(date -u +%F), load $(cut -d' ' -f1 /proc/loadavg)"
go run ./e2e/envoy/bench -envoy "$envoy" -peer "$peer" "$@"
