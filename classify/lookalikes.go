package classify

// look says how far a rune that is no plain Latin letter is drawn as one.
type look uint8

const (
	own     look = iota // as itself
	styled              // a Latin letter of another style, in no script but Latin's: read as Latin everywhere
	flagged             // half of a flag, or one of letters in boxes
	twin                // of another script, drawn as the Latin letter is
	near                // of another script, taken for the Latin letter only among Latin ones
	symbol              // near, and Greek: also the sign of a quantity in formulas
)

// lookOf gives the Latin letter that c is drawn as, and how far.
func lookOf(c rune) (as rune, is look) {
	switch {
	case c < 0x250, c > 0x58f && c < 0x13a0, c > 0x1d22 && c < 0xa730, c > 0xa7af && c < 0x1f150:
		return c, own
	case c >= 0x1f150 && c <= 0x1f169: // white on black discs
		return c - 0x1f150 + 'A', styled
	case c >= 0x1f170 && c <= 0x1f189: // white on black squares
		return c - 0x1f170 + 'A', styled
	case c >= 0x1f1e6 && c <= 0x1f1ff: // regional indicators
		return c - 0x1f1e6 + 'A', flagged
	}
	l := lookAlikes[c]
	return l.as, l.is
}

// lookAlikes is the part that matters here of what UTS #39 of Unicode, "Security
// Mechanisms", calls confusables, by block in the order of code points: letters
// that stand for one Latin letter each, in the case of that letter. What NFKC
// folds (mathematical alphabets, full width, circles) isn't repeated.
var lookAlikes = map[rune]struct {
	as rune
	is look
}{
	// Small capitals and plain letters of the phonetic alphabet.
	0x0251: {'a', styled}, 0x0261: {'g', styled}, 0x0262: {'g', styled}, 0x026a: {'i', styled}, 0x0274: {'n', styled},
	0x0280: {'r', styled}, 0x028f: {'y', styled}, 0x0299: {'b', styled}, 0x029c: {'h', styled}, 0x029f: {'l', styled},
	0x1d00: {'a', styled}, 0x1d04: {'c', styled}, 0x1d05: {'d', styled}, 0x1d07: {'e', styled}, 0x1d0a: {'j', styled},
	0x1d0b: {'k', styled}, 0x1d0d: {'m', styled}, 0x1d0f: {'o', styled}, 0x1d18: {'p', styled}, 0x1d1b: {'t', styled},
	0x1d1c: {'u', styled}, 0x1d20: {'v', styled}, 0x1d21: {'w', styled}, 0x1d22: {'z', styled}, 0xa730: {'f', styled},
	0xa731: {'s', styled}, 0xa7af: {'q', styled},

	// Greek capitals, then small letters. Only omicron, yot and the like mean
	// nothing in formulas.
	0x0391: {'A', twin}, 0x0392: {'B', twin}, 0x0395: {'E', twin}, 0x0396: {'Z', twin}, 0x0397: {'H', twin},
	0x0399: {'I', twin}, 0x039a: {'K', twin}, 0x039c: {'M', twin}, 0x039d: {'N', twin}, 0x039f: {'O', twin},
	0x03a1: {'P', twin}, 0x03a4: {'T', twin}, 0x03a5: {'Y', twin}, 0x03a7: {'X', twin}, 0x03aa: {'Ï', twin},
	0x03ab: {'Ÿ', twin}, 0x037f: {'J', twin},
	0x03bf: {'o', twin}, 0x03cc: {'ó', twin}, 0x03f3: {'j', twin},
	0x03b1: {'a', symbol}, 0x03b3: {'y', symbol}, 0x03b5: {'e', symbol}, 0x03b7: {'n', symbol}, 0x03b9: {'i', symbol},
	0x03ba: {'k', symbol}, 0x03bd: {'v', symbol}, 0x03c1: {'p', symbol}, 0x03c3: {'o', symbol}, 0x03c4: {'t', symbol},
	0x03c5: {'u', symbol}, 0x03c7: {'x', symbol}, 0x03ac: {'á', symbol}, 0x03af: {'í', symbol},
	0x03cd: {'ú', symbol},

	// Cyrillic capitals, then small letters, then those shaped as small capitals.
	0x0400: {'È', twin}, 0x0401: {'Ë', twin}, 0x0405: {'S', twin}, 0x0406: {'I', twin}, 0x0407: {'Ï', twin},
	0x0408: {'J', twin}, 0x0410: {'A', twin}, 0x0412: {'B', twin}, 0x0415: {'E', twin}, 0x041a: {'K', twin},
	0x041c: {'M', twin}, 0x041d: {'H', twin}, 0x041e: {'O', twin}, 0x0420: {'P', twin}, 0x0421: {'C', twin},
	0x0422: {'T', twin}, 0x0423: {'Y', twin}, 0x0425: {'X', twin}, 0x0474: {'V', twin}, 0x04ae: {'Y', twin},
	0x04c0: {'I', twin}, 0x04d0: {'Ă', twin}, 0x04d2: {'Ä', twin}, 0x04d4: {'Æ', twin}, 0x04e6: {'Ö', twin},
	0x050c: {'G', twin}, 0x051a: {'Q', twin}, 0x051c: {'W', twin},
	0x0430: {'a', twin}, 0x0435: {'e', twin}, 0x043e: {'o', twin}, 0x0440: {'p', twin}, 0x0441: {'c', twin},
	0x0443: {'y', twin}, 0x0445: {'x', twin}, 0x0450: {'è', twin}, 0x0451: {'ë', twin}, 0x0455: {'s', twin},
	0x0456: {'i', twin}, 0x0457: {'ï', twin}, 0x0458: {'j', twin}, 0x0475: {'v', twin}, 0x04af: {'y', twin},
	0x04bb: {'h', twin}, 0x04cf: {'l', twin}, 0x04d1: {'ă', twin}, 0x04d3: {'ä', twin}, 0x04d5: {'æ', twin},
	0x04e7: {'ö', twin}, 0x0501: {'d', twin}, 0x051b: {'q', twin}, 0x051d: {'w', twin},
	0x0432: {'b', near}, 0x0433: {'r', near}, 0x043a: {'k', near}, 0x043c: {'m', near}, 0x043d: {'h', near},
	0x043f: {'n', near}, 0x0442: {'t', near}, 0x044c: {'b', near},

	// Armenian.
	0x054d: {'U', twin}, 0x0555: {'O', twin}, 0x0585: {'o', twin},
	0x0566: {'q', near}, 0x0570: {'h', near}, 0x0578: {'n', near}, 0x057d: {'u', near}, 0x0581: {'g', near},

	// Cherokee, whose letters were modelled on capitals.
	0x13a0: {'D', twin}, 0x13a1: {'R', twin}, 0x13a2: {'T', twin}, 0x13a9: {'Y', near}, 0x13aa: {'A', twin},
	0x13ab: {'J', twin}, 0x13ac: {'E', twin}, 0x13b3: {'W', twin}, 0x13b7: {'M', twin}, 0x13bb: {'H', twin},
	0x13bd: {'Y', near}, 0x13c0: {'G', twin}, 0x13c2: {'h', near}, 0x13c3: {'Z', twin}, 0x13cf: {'b', near},
	0x13d2: {'R', near}, 0x13d4: {'W', near}, 0x13d9: {'V', twin}, 0x13da: {'S', twin}, 0x13de: {'L', twin},
	0x13df: {'C', twin}, 0x13e2: {'P', twin}, 0x13e6: {'K', twin}, 0x13f4: {'B', twin},
}
