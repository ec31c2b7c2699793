// Package classify turns a text into labels and scores, under a deadline.
//
// What it promises:
//
//   - The text is normalised for the classifier's eyes only: compatibility
//     forms are folded, invisible runes dropped, white space folded, endless
//     words split. The caller's bytes are never touched.
//   - Every token is read by at least one window, or it is counted in
//     Result.UnreadTokens. Nothing is cut in silence.
//   - The time and memory of one request are bounded by Options: so many
//     windows, so many requests running and waiting, one deadline over reading,
//     queueing and running. A request over the bound of the queue is refused at
//     once.
//   - A model that fails, hangs, panics or answers nonsense gives an error, never
//     a label.
//
// What it must not know: JSON, HTTP, roles and turns, the names of language
// models, and what a label is used for. Joining the parts of a request into one
// text is the caller's part, as is choosing what to do when no answer came.
package classify
