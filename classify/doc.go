// Package classify turns a text into verdicts and spans, under a deadline: what
// the heads of a model say of the text as a whole and of places in it.
//
// What it promises:
//
//   - The text is normalised for the classifier's eyes only: compatibility
//     forms are folded, invisible runes dropped, white space folded, endless
//     words split, words spelt letter by letter put together, letters that pass
//     for Latin ones among Latin ones read as those. The caller's bytes are
//     never touched.
//   - Spans are places in the caller's bytes, although the model reads the
//     normalised text: their edges are those of runes, and what stands between
//     normalises to what the model saw, but for look-alikes and spelt words,
//     which depend on the words around. They do not overlap and split no word.
//   - Every token is read by at least one window, or it is counted in
//     Result.UnreadTokens. Nothing is cut in silence, and what is read of a text
//     that is too long is spread over it.
//   - The time and memory of one request are bounded by Options: so many
//     windows, so many requests running and waiting, one deadline over reading,
//     queueing and running. A request over the bound of the queue is refused at
//     once.
//   - A model that fails, hangs, panics or answers nonsense, if only for one of
//     its heads, gives an error, never a label.
//
// What it must not know: JSON, HTTP, roles and turns, the names of language
// models, and what a label is used for. Joining the parts of a request into one
// text is the caller's part, as is choosing what to do when no answer came.
package classify
