# What is built or fetched, pinned by version and SHA-256, is kept in .cache; nothing is installed on the machine.
# classify/onnx links the tokenizer archive from there; ONNX Runtime is loaded when the program starts.
export CGO_ENABLED := 1

STATICCHECK := .cache/tools/staticcheck-v0.8.2
LIBRARY     := $(if $(filter Darwin,$(shell uname -s)),libonnxruntime.dylib,libonnxruntime.so)
FUZZTIME    ?= 20s

.PHONY: help deps build run test lint e2e e2e-envoy e2e-mesh manifests docs-check bench bench-envoy fuzz train-smoke clean
.DEFAULT_GOAL := help

help: ## list the targets
	@sed -n 's/^\([a-z0-9-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

deps: ## fetch ONNX Runtime and build the tokenizer archive, once
	scripts/onnxruntime.sh
	scripts/tokenizers.sh

build: deps ## bin/vsr-proxy, with the runtime library beside it
	go build -o bin/vsr-proxy ./cmd/vsr-proxy
	cp -f .cache/onnxruntime-1.24.4/$(LIBRARY) bin/

run: build ## the demo: real classifier and routing, two simulated backends
	bin/vsr-proxy demo

test: deps ## unit and door tests, with the race detector; long loops and allocation counts once more without it
	go test -race -timeout 15m ./...
	go test -timeout 15m ./chat ./router

lint: $(STATICCHECK) deps ## gofmt, go vet, staticcheck, pinned modules
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); [ -z "$$unformatted" ] || { echo "gofmt wants:"; echo "$$unformatted"; exit 1; }
	go mod verify
	go mod tidy -diff
	go vet ./... && go vet -tags e2e ./... && CGO_ENABLED=0 go vet -tags mesh ./e2e/mesh
	$(STATICCHECK) ./...

$(STATICCHECK):
	GOBIN=$(CURDIR)/.cache/tools go install honnef.co/go/tools/cmd/staticcheck@v0.8.2
	mv .cache/tools/staticcheck $@

e2e: build ## the binary as a process: signals, and real clients, unmodified: openai (Python, Node), go-openai, curl
	go test -tags e2e -count 1 ./e2e
	e2e/run.sh

e2e-envoy: build ## behind a real Envoy (fetched once): body modes, outages, cancels, equality of the doors; VSR_E2E_LONG=1 for all counts
	scripts/envoy.sh
	go test -tags e2e -count 1 -timeout 60m ./e2e/envoy

e2e-mesh: build ## the manifests on a real control plane, in network namespaces: istiod, endpoint pickers, Envoy (root; 40 min once)
	scripts/e2e-mesh.sh

# A module of its own: what reads Kubernetes' schemas is no part of the program. It needs no C.
manifests: build ## every overlay and the Helm chart, rendered and held against the real schemas, Envoy's types and the policy
	cd deploy/validate && CGO_ENABLED=0 go mod tidy -diff && CGO_ENABLED=0 go vet . && CGO_ENABLED=0 go test . && CGO_ENABLED=0 go run .

docs-check: build ## the README's transcript and every configuration in the docs, held against the binary
	scripts/readme-demo.sh --check
	scripts/check-docs.sh

bench: build ## throughput, routing work, classification, memory and start, as ratios in one run
	scripts/bench.sh

bench-envoy: build ## CPU time and latency that a processor adds behind Envoy, beside GIE's body-based router (built once)
	scripts/bench-envoy.sh

fuzz: deps ## each fuzz target for FUZZTIME
	scripts/fuzz.sh $(FUZZTIME)

train-smoke: ## the training pipeline, a few minutes of it
	scripts/train/train.sh --smoke

clean: ## what make build and make test left; make deps is kept
	rm -rf bin
