package pii

import "context"

// ibanLength is how long an account number of each country is (SWIFT's IBAN
// registry).
var ibanLength = map[string]int{
	"ad": 24, "ae": 23, "al": 28, "at": 20, "az": 28, "ba": 20, "be": 16, "bg": 22, "bh": 22, "bi": 27, "br": 29, "by": 28, "ch": 21,
	"cr": 22, "cy": 28, "cz": 24, "de": 22, "dj": 27, "dk": 18, "do": 28, "ee": 20, "eg": 29, "es": 24, "fi": 18, "fk": 18, "fo": 18,
	"fr": 27, "gb": 22, "ge": 22, "gi": 23, "gl": 18, "gr": 27, "gt": 28, "hn": 28, "hr": 21, "hu": 28, "ie": 22, "il": 23, "iq": 23,
	"is": 26, "it": 27, "jo": 30, "kw": 30, "kz": 20, "lb": 28, "lc": 32, "li": 21, "lt": 20, "lu": 20, "lv": 21, "ly": 25, "mc": 27,
	"md": 24, "me": 22, "mk": 19, "mn": 20, "mr": 27, "mt": 31, "mu": 30, "ni": 28, "nl": 18, "no": 15, "om": 23, "pk": 24, "pl": 28,
	"ps": 29, "pt": 25, "qa": 29, "ro": 24, "rs": 22, "ru": 33, "sa": 24, "sc": 31, "sd": 18, "se": 24, "si": 19, "sk": 24, "sm": 27,
	"so": 23, "st": 25, "sv": 28, "tl": 23, "tn": 24, "tr": 26, "ua": 29, "va": 22, "vg": 24, "xk": 20, "ye": 30,
}

// findAccounts takes IBANs: a country, its length, the check digits. They may be
// in groups parted by a space or a hyphen each, of four unless a word says what
// it is: in running text, short words fit between numbers too.
func findAccounts(ctx context.Context, s *scan) {
	var p pace
	for i := 0; p.more(ctx, i, len(s.cells)-shortestIBAN+1); i++ {
		if !isAlpha(s.cells[i]) || isWord(s.cell(i-1)) {
			continue
		}
		if !isAlpha(s.cells[i+1]) || !isDigit(s.cells[i+2]) || !isDigit(s.cells[i+3]) {
			continue
		}
		length := ibanLength[string(s.cells[i:i+2])]
		if to, ok := s.account(i, length); ok {
			s.add(IBAN, i, to, scoreChecked)
			i = to - 1
		} else if to, ok := s.account(i, 0); ok {
			s.add(IBAN, i, to, scoreCue)
			i = to - 1
		}
	}
}

const (
	shortestIBAN = 15
	longestIBAN  = 34
)

// account is where the account number that begins at i ends, if it is one. A
// length of 0 is for countries that the registry doesn't have, or has with
// another: then a word must say what it is, and it goes as far as it can.
func (s *scan) account(i, length int) (to int, ok bool) {
	most := length
	if length == 0 {
		most = longestIBAN
	}
	var number [longestIBAN]byte
	n, regular := 0, true
	for to = i; n < most && isAlnum(s.cell(to)); {
		number[n] = s.cells[to]
		n++
		to++
		if c := s.cell(to); (c == ' ' || c == '-') && n < most && n >= 4 && isAlnum(s.cell(to+1)) {
			if length == 0 && n%4 != 0 {
				break
			}
			to++
			regular = regular && n%4 == 0
		}
	}
	if n < length || n < shortestIBAN || isWord(s.cell(to)) || !mod97(number[:n]) {
		return 0, false
	}
	return to, length > 0 && regular || s.called(i, 64, kindAccount, kindOther|kindLabel) || s.says(to, 16, kindAccount)
}
