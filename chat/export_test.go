package chat

// Bounds is where a place stands in the body, and within what that string says.
func (p Place) Bounds() (at, end, innerAt, innerEnd int) { return p.at, p.end, p.inner.at, p.inner.end }
