// Package pii finds personal data by its form, and masks it so that it can be put
// back.
//
// What it promises of Find:
//
//   - Spans are exact in the text as it came, whatever script, full-width form,
//     odd space or hyphen, or invisible character it is written with; sorted,
//     apart, on rune boundaries.
//   - What has a check digit is checked. What has none is taken for its form
//     where little else has that form, and otherwise only if a word nearby, in
//     any of some thirty languages, says what it is. The word that is nearest
//     decides, so that "order number" keeps what follows from being a card.
//   - Numbers of exams, code and tables are left alone. Where that and finding
//     more are at odds, it finds less.
//   - Time is linear in the length of the text, whatever it is full of: each scan
//     that starts at a word or a character has a bound of its own. It looks at its
//     context every stride bytes or cells, and ends with it; there is no other
//     input that it fails on but a text of 2 GiB or more.
//   - Memory is a few times the text at most, and some 100 bytes for each span:
//     a byte for a cell, eight for a cue, a bit or two for where a cell begins. A
//     text without a digit, an @ or a colon takes none.
//
// What it promises of Masker and Unmasker: what is masked comes back, byte for
// byte, in whole texts and in streams cut anywhere; a user's own text is never
// taken for a placeholder; no more is held back than one placeholder is long.
//
// What it must not know: models, JSON, requests, what is done about a finding,
// the clock, the network. It can't tell names, addresses and organisations: that
// is for an encoder.
package pii
