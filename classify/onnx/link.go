package onnx

// The tokenizer binding asks for -ltokenizers and leaves to us to say where it
// is: where scripts/tokenizers.sh puts it. Said here and not in an environment
// variable, a plain go build, go test or editor finds it as well.

// #cgo LDFLAGS: -L${SRCDIR}/../../.cache/tokenizers-v1.27.0
import "C"
