// Package chat reads what an OpenAI-compatible request says, and answers in
// OpenAI's words when it says it wrongly.
//
// # What it promises
//
// One reading. A body is read once, token by token, and refused unless every
// reader downstream must understand it the same way: a second member of the same
// name in any object (escapes resolved), bytes that are not UTF-8, half a
// surrogate pair, an escaped NUL, a byte order mark, UTF-16, comments, NaN and
// anything after the object are all errors. Member names are compared exactly:
// "MODEL" is an unknown member, carried along and never read.
//
// No rewriting. The body stays the caller's bytes. [Request.WithModel] replaces
// the value of the model and leaves every other byte as it was, including
// members, spaces, escapes and numbers which this package knows nothing about.
// [Request.Rewritten] replaces the strings that its caller names as well.
//
// Nothing unread in silence. All text that a model can come to read is a
// [Segment] with its role and place: content and its parts, names, tool calls
// and results, refusals, reasoning, instructions, tool definitions. What cannot
// be read as text (images, sound, files, token ids, context that the backend
// keeps) is counted.
//
// Bounded work. Depth, messages, segments, members and name sizes have limits
// ([Limits]); reading uses a flat stack and time proportional to the body.
//
// Errors an SDK understands. An [Error] is OpenAI's envelope with the path of the
// field at fault. Its text quotes no prompt: it may name members that look like
// identifiers, and counts, and byte offsets.
//
// # What it must not know
//
// Labels, rules, upstreams and HTTP routing. It opens nothing and logs nothing.
package chat
