#!/usr/bin/env bash
# Measures the built proxy and prints each figure beside its bar; see docs/benchmarks.md. Nothing here is a test: a busy
# machine changes the figures, and the script succeeds whatever they are.
#
#   scripts/bench.sh       about two minutes; needs bin/vsr-proxy (make build) and Linux
set -euo pipefail
cd "$(dirname "$0")/.."

echo "== machine: $(nproc) cores, $(uname -sm), $(go version | cut -d' ' -f3), $(date -u +%F), load $(cut -d' ' -f1 /proc/loadavg)"
echo "== start, memory, throughput with the model named"
go run ./e2e/bench
echo "== routing work without the encoder, 4 KB body   (bar: 50000 ns/op, under 10 allocs/op)"
go test -run '^$' -bench '^BenchmarkDecideWithoutEncoder4KB$' -benchmem -count 3 ./router | grep ^Benchmark
echo "== classification of 32 tokens over the bare runtime call, CPU time   (bar: 1.3)"
go test -run '^$' -bench '^BenchmarkClassifyOverBareRuntime$' -benchtime 200x -count 3 ./classify/onnx | grep ^Benchmark
