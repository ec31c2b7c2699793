package classify

// Span is a piece of a text with a meaning, such as an e-mail address or a name.
type Span struct {
	Type     string  // what it is, such as EMAIL_ADDRESS
	From, To int     // byte offsets [From, To) in the caller's original text, on rune boundaries
	Score    float64 // from 0 to 1
	Source   string  // what found it: a pattern's name, or a head's
}
