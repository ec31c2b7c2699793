// Package upstream turns a routing decision into bytes on a socket and brings
// the answer back.
//
// It promises:
//
//   - The table of targets is closed: New takes every base URL there will ever
//     be, and nothing that a client sends can add one. No environment proxy is
//     used, no redirect is followed, and link-local and cloud metadata addresses
//     are refused when configured and again when a name has been resolved.
//   - A request leaves at most twice, and a second time only when no byte of it
//     was written, or when an HTTP/2 peer said that it did not process it. After
//     a byte of the request was written over HTTP/1, or any byte of the answer
//     was read, there is no second time, whatever the method and whatever
//     idempotency header the client sent.
//   - Every wait has a limit: dialling, the TLS handshake, the response head, the
//     silence between two chunks, and each write to the client. When the caller's
//     context ends, the upstream's request ends with it.
//   - The answer's body passes byte for byte, unless a Rewriter is given: then the
//     strings that it changes are others, an event leaves once it is whole, and a
//     JSON body of bounded size is held until it is. Otherwise server-sent events
//     leave as they come. An answer that was cut short never looks finished: Relay says so with
//     an error, and its caller aborts the connection.
//   - While copying, it reads token usage and event times within bounded memory;
//     that holds nothing back.
//
// It must not know: labels, rules, model names, the JSON of a request, the names
// of this product's own headers, nor how an error is worded for a client. A
// Failure carries a reason for logs and metrics and a status for the door; its
// text may name addresses and is for logs only.
package upstream
