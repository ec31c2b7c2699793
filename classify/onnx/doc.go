// Package onnx runs a text classifier on ONNX Runtime: a [Model] is the real
// classify.Model. It is the only package with cgo.
//
// What it promises:
//
//   - The runtime library and its provider libraries are loaded only if they
//     have a known SHA-256, or the one that the operator gave.
//   - What the operator asked to compute on is what computes; see package accel.
//     When Open returns, the model has answered once, with a whole window.
//   - A whole text is tokenised: nothing is truncated or padded behind the
//     caller's back, a NUL ends nothing, and "[SEP]" in a text is text. Each
//     token says which bytes of the text it stands for.
//   - Run returns soon after its context ends, between two kernels of the graph,
//     and the model goes on working.
//   - Memory that the runtime works on cannot move or be collected meanwhile.
//   - Tokenize and Run may be called from many goroutines, on one session.
//     Close waits for them; afterwards they fail with [ErrClosed].
//
// The graph takes input_ids and attention_mask, and token_type_ids if it asks for
// it, all int64 [batch, sequence]. For each head it has an output of float32:
// [batch, label] of a sequence head, [batch, sequence, label] of a token head.
// Outputs that no head names are not asked for.
//
// What it must not know: what the labels mean, windows of a long text, deadlines
// and queues (package classify), where models come from (package classify/models).
//
// ONNX Runtime's environment exists once per process, and the Go binding keeps it
// in globals. It is made by the first Open and freed by the last Close; until
// then a second library is refused.
package onnx
