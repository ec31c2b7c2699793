package pii

// luhn says whether the digits among cells satisfy the check of ISO/IEC 7812-1,
// annex B.
func luhn(cells []byte) bool {
	sum, double := 0, false
	for i := len(cells) - 1; i >= 0; i-- {
		if !isDigit(cells[i]) {
			continue
		}
		d := int(cells[i] - '0')
		if double {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
		double = !double
	}
	return sum%10 == 0
}

// mod97 says whether an account number satisfies the check of ISO 7064 MOD 97-10,
// as ISO 13616 applies it: the first four characters last, letters as 10 to 35.
func mod97(number []byte) bool {
	rest := 0
	for i := range number {
		c := number[(i+4)%len(number)]
		if isDigit(c) {
			rest = (rest*10 + int(c-'0')) % 97
		} else {
			rest = (rest*100 + int(c-'a') + 10) % 97
		}
	}
	return rest == 1
}
