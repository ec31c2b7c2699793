package pii

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/vsr-proxy/vsr-proxy/classify"
)

// find is Find without a deadline.
func find(text string) []classify.Span {
	spans, err := Find(context.Background(), text)
	if err != nil {
		panic(err)
	}
	return spans
}

// found gives what Find takes for what, as "TYPE value", in order.
func found(text string) []string {
	var out []string
	for _, s := range find(text) {
		out = append(out, s.Type+" "+text[s.From:s.To])
	}
	return out
}

type example struct {
	text string
	want []string
}

func check(t *testing.T, examples []example) {
	t.Helper()
	for _, e := range examples {
		if got := found(e.text); !slices.Equal(got, e.want) {
			t.Errorf("%q\n got %q\nwant %q", e.text, got, e.want)
		}
	}
}

func one(typ, value string) []string { return []string{typ + " " + value} }

func TestEmailAddresses(t *testing.T) {
	check(t, []example{
		{"Write to jane.doe+news@mail.example.co.uk.", one(Email, "jane.doe+news@mail.example.co.uk")},
		{"<mailto:o'brien_1@example-site.org>", one(Email, "o'brien_1@example-site.org")},
		{`{"email":"a@b.io"}`, one(Email, "a@b.io")},
		{"email=x@y.museum&zip=", one(Email, "x@y.museum")},
		{"邮箱是li@example.cn。", one(Email, "li@example.cn")},
		{"an jürgen@müller.de geschickt", one(Email, "jürgen@müller.de")},
		{"a@xn--bcher-kva.example", one(Email, "a@xn--bcher-kva.example")},
		{"a..b@c.org", one(Email, "b@c.org")},
		{"git@github.com:golang/go.git and https://user:pass@host.com/", nil},
		{"@home a@b a@.com @@ a@1.2 x = A@B.T; a.@b.com a@b.c", nil},
		{strings.Repeat("a", 65) + "@example.com", nil},
	})
}

func TestCards(t *testing.T) {
	check(t, []example{
		{"4111111111111111", one(Card, "4111111111111111")},
		{"card 4111-1111-1111-1111, exp 09/27", one(Card, "4111-1111-1111-1111")},
		{"pay with 3782 822463 10005.", one(Card, "3782 822463 10005")},
		{"5555 5555 5555 4444 12/29 123", one(Card, "5555 5555 5555 4444")},
		{"2 times 4111 1111 1111 1111", one(Card, "4111 1111 1111 1111")},
		{"Visa 4222222222222", one(Card, "4222222222222")},
		{"my card is 3530111333300000 (JCB)", one(Card, "3530111333300000")},
		{"4111111111111112", nil},                      // check digit
		{"4111-1111 1111-1111", nil},                   // separators
		{"The order number is 4111111111111111.", nil}, // says what it is
		{"Is 4111111111111111 divisible by 3?", nil},   // so does this
		{"4111111111111111 mod 7, 4111111111111111 + 1", nil},
		{"0.4111111111111111 and 4111111111111111.5", nil}, // fractions
		{"9999999999999995", nil},                          // no issuer
		{"x4111111111111111 4111111111111111a", nil},
	})
}

func TestAccounts(t *testing.T) {
	check(t, []example{
		{"IBAN: DE89370400440532013000", one(IBAN, "DE89370400440532013000")},
		{"send it to de89 3704 0044 0532 0130 00 please", one(IBAN, "de89 3704 0044 0532 0130 00")},
		{"GB82-WEST-1234-5698-7654-32.", one(IBAN, "GB82-WEST-1234-5698-7654-32")},
		{"Malta MT84MALT011000012345MTLCAST001S", one(IBAN, "MT84MALT011000012345MTLCAST001S")},
		{"DE88370400440532013000 GB82WEST1234569876543", nil}, // check digits, length
		{"XDE89370400440532013000", nil},
		{"at 03069990211 any time", nil},
	})
}

func TestHosts(t *testing.T) {
	check(t, []example{
		{"ping 192.168.1.20:8080", one(IP, "192.168.1.20")},
		{"block 10.0.0.0/8 and 203.0.113.7.", []string{IP + " 10.0.0.0", IP + " 203.0.113.7"}},
		{"ask the server 1.1.1.1", one(IP, "1.1.1.1")},
		{"from [2001:db8::8a2e:370:7334]:443", one(IP, "2001:db8::8a2e:370:7334")},
		{"fe80::1%eth0", one(IP, "fe80::1")},
		{"a5a4:158a:3c82:df47:6973:7066:d6f8:6e15: no route", one(IP, "a5a4:158a:3c82:df47:6973:7066:d6f8:6e15")},
		{"nic 00:1B:44:11:3A:B7 is down", one(MAC, "00:1B:44:11:3A:B7")},
		{"Upgrade from version 29.30.14.10 to 31.13.22.29.", nil},
		{"v1.2.3.40, section 3.4.5.60, 1.2.3.4 Introduction", nil},
		{"1.3.6.1.4.1.311 300.1.2.3 1.2.3 01.02.03.04", nil},
		{"std::abs(x), face::add, 10:22:01, 2024-05-01T10:22:33, 127.0.0.1, ::1, 255.255.255.0", nil},
		{"MD5:16:27:ac:a5:76:28:2d:36:63:1b:56:4d:eb:df:a6:48", nil},
	})
}

func TestSocialSecurityNumbers(t *testing.T) {
	check(t, []example{
		{"My SSN is 219-09-9999.", one(SSN, "219-09-9999")},
		{"078-05-1120", one(SSN, "078-05-1120")},
		{"social security number: 219 09 9999", one(SSN, "219 09 9999")},
		{"SSN=219099999", one(SSN, "219099999")},
		{"219099999 is my SSN", one(SSN, "219099999")},
		{"000-12-3456 666-12-3456 900-12-3456 219-00-9999 219-09-0000", nil},
		{"219099999 and 219 09 9999", nil},
		{"Compute 219-09-9999 modulo 7.", nil},
		{"31-76-2274 1219-09-9999 219-09-99991", nil},
	})
}

func TestDatesOfBirth(t *testing.T) {
	check(t, []example{
		{"born 1990-05-04", one(Birth, "1990-05-04")},
		{"DOB: 5/4/90", one(Birth, "5/4/90")},
		{"dob:19900504", one(Birth, "19900504")},
		{"date of birth 4th of May 1990", one(Birth, "4th of May 1990")},
		{"He was born on May 4, 1990, and died on June 5, 2001.", one(Birth, "May 4, 1990")},
		{"geboren am 4. März 1990 in Ulm", one(Birth, "4. März 1990")},
		{"née le 1er janvier 1990", one(Birth, "1er janvier 1990")},
		{"nació el 4 de mayo de 1990.", one(Birth, "4 de mayo de 1990")},
		{"1990年5月4日生まれ", one(Birth, "1990年5月4日")},
		{"생년월일: 1990년 5월 4일", one(Birth, "1990년 5월 4일")},
		{"родился 4 мая 1990 г.", one(Birth, "4 мая 1990")},
		{"May 4, 1990 is my birthday", one(Birth, "May 4, 1990")},
		{"Customer 88213, Jane Roe, 10.10.1962, Ulm", one(Birth, "10.10.1962")},
		{"The war ended on May 8, 1945.", nil},
		{"Kepler was born on December 27, 1571.", nil}, // nobody alive
		{"born in 1990, version 1.2.90, born 40/40/1990", nil},
		{"Invoice 7, 10.10.2012, due 1990-05-04", nil},
	})
}

func TestDocuments(t *testing.T) {
	check(t, []example{
		{"My driver's license number is A1234567.", one(Licence, "A1234567")},
		{"The driver’s licence of Dr. Jane Roe is D12345678, please update", one(Licence, "D12345678")},
		{"DL# F255-921-50-094-0", one(Licence, "F255-921-50-094-0")},
		{"license: XW816143", one(Licence, "XW816143")},
		{"B1234567 is my driver's license", one(Licence, "B1234567")},
		{"passport no. 912803456", one(Passport, "912803456")},
		{"driver's license of " + strings.Repeat("a-", 20) + "b: A1234567", one(Licence, "A1234567")}, // behind what is too long
		{"driver's license " + strings.Repeat("a-", 40) + "A1234567", nil},
		{"My zip code is 94110-1234, yours?", one(PostalCode, "94110-1234")},
		{"zip=KY3 9XY; Postleitzahl: 80331", []string{PostalCode + " KY3 9XY", PostalCode + " 80331"}},
		{"MIT license 2019, a driver's license expires in 2031, license plate 1234567", nil},
		{"A1234567, model number XF200959593, zip the 3 files", nil},
	})
}

func TestPhoneNumbers(t *testing.T) {
	for _, number := range []string{
		"+1-604-607-3992", "+44(0)151 496 0167", "+49 (0) 5099 710461", "(+358) 758219035", "+(371) 26462889", "+33 2 40 03 05 42",
		"+34800 216 433", "+61.2.4190.2914", "+91 98765 43210", "+8613812345678", "+7 (914) 177-76-31", "+380 (36) 083-77-83",
		"(978)983-7590", "(978)983 7590x0702", "001-987-591-5407x561", "207.762.8306x62563", "754-832-9852 ext. 12", "656-698-9849 x1219",
		"1 (786) 834-4978", "0448-458-634", "(0115)4960445", "0191 496 0377", "04 15 39 15 00", "090-2845-4599", "08-88 93 20 11",
		"00420 702 914 177", "8 (836) 075-9838", "(02671) 32430 041", "＋４９ １７１ ２３４５６７８", "+৮৮০-৪০৬-৮১২-৪১৫",
	} {
		for _, text := range []string{"%s", "Is %s yours?", "He said (%s).", "我的是%s。"} {
			text = fmt.Sprintf(text, number)
			check(t, []example{{text, one(Phone, number)}})
		}
	}
	// These need a word, whatever language it is in.
	for _, number := range []string{"2609243668", "74185884", "695 187 575", "145 8 541", "11 8048-1593", "030/1234567", "39 15 00 08", "555-1234"} {
		for _, text := range []string{
			"Call me at %s after 5.", "tel:%s", "phone_number=%s&x", "Meine Nummer ist %s, danke", "Mon numéro : %s", "mi teléfono es %s.",
			"电话：%s", "Мой телефон %s", "Phones: +1 604 607 3992 or %s.",
		} {
			text = fmt.Sprintf(text, number)
			want := one(Phone, number)
			if strings.Contains(text, "+1 604") {
				want = []string{Phone + " +1 604 607 3992", want[0]}
			}
			check(t, []example{{text, want}})
		}
		check(t, []example{{fmt.Sprintf("There are %s of them.", number), nil}})
	}
	check(t, []example{
		{"Jane, jane@example.com, 74185884", []string{Email + " jane@example.com", Phone + " 74185884"}},
		{"id: 74185884, jane@example.com", one(Email, "jane@example.com")},
		{"Tel 020 7946 0958 / 020 7946 0959", []string{Phone + " 020 7946 0958", Phone + " 020 7946 0959"}},
		{"Jane Roe, 12 Elm St, Ulm, 2609243668", one(Phone, "2609243668")},
		{"Call the function foo(1234567) with 89012345; phone sales hit 12000000 units", nil},
		{"order number 555-123-4567, ISBN 555-123-4567", nil},
		{"555-123-4567 - 1 = ?", nil},
		{"call 2024-05-01 or 12.05.2024, at 10:00", nil},
	})
}

// Exams, code and tables are full of numbers that are nobody's.
func TestOtherNumbersAreNotPersonal(t *testing.T) {
	for _, text := range []string{
		"Solve 3x + 62 = 5150 and x^2 - 12345678 = 0.",
		"What is 12,345,678 + 98 765 432?",
		"In 1998, the population was 3,438,161; in 1990-1995 it was 10 000 000.",
		"What is the ISBN 978-1-9738-4947-6 about? And 0-306-40615-2?",
		"The sequence 6 92 2149 83 repeats. 0, 1, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89",
		"uuid 277785a7-c507-4529-bf13-d18658090e58 commit 90006e198a7c64e10a7160176b001ce0cbb72bca",
		"Error 0xf1456aae at address 0xaea2c3c9, port 8080, HTTP 404",
		"2-amino-3,7-dimethylpurine, CAS 7732-18-5, C6H12O6, 6.02214076e23",
		"The temperature rose from 32 to 7 degrees between 10:00 and 14:00.",
		"0110100001101001 + 1111000011110000 in base 2",
		"1870210 000105 00085 2771880373 000169 000144",
		"markdowns $12,000 3,000 15,000 6,000 3,000 500 200",
		"Matthew 5:3-12, pp. 123-456, 1954–1955, §§ 12.3.4",
		"3.14159265358979 2.718281828 1,4142135623 6.626e-34",
		"f(12) 345678 = g(1234, 5678, 91011)",
		"Track shipment WK066336956. Model number TU808635148 has a 12V 3W motor.",
	} {
		check(t, []example{{text, nil}})
	}
}

// Offsets are of the text as it came, whatever stands around and inside.
func TestOffsetsAreExactInUnicode(t *testing.T) {
	for _, value := range []string{
		"Phone: +49 171 2345678", "phone: +49\u00a0171\u20112345678", "phone: ＋４９１７１２３４５６７８", "phone: +49\u200b171 2345\u200d678",
		"phone: +٤٩ ١٧١ ٢٣٤٥٦٧٨",
	} {
		for _, around := range []string{"", " é ", "日本語", "😀👩‍👩‍👧", "\u202e", "\xff", " a\u0301 ", "\u2028", "。", "“"} {
			text := around + value + around
			got := find(text)
			want := value[len("phone: "):]
			if len(got) != 1 || text[got[0].From:got[0].To] != want {
				t.Errorf("%q: got %q, want %q", text, found(text), want)
			}
		}
	}
}

func TestFindingsTellHowSureTheyAre(t *testing.T) {
	order := []string{"jane@example.com", "+49 171 2345678", "call 2345678", "jane@example.com, 0171 23 45"}
	last := 2.0
	for _, text := range order[:3] {
		s := find(text)[0]
		if s.Score > last || s.Score <= 0 || s.Score > 1 || s.Source == "" {
			t.Errorf("%q: %+v after a score of %v", text, s, last)
		}
		last = s.Score
	}
	if !slices.Contains(Types(), Phone) || len(Types()) != 11 {
		t.Errorf("types: %q", Types())
	}
}

// A detector that went back for each character would take minutes, not this.
func TestTimeIsLinear(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds with the race detector")
	}
	for _, unit := range []string{
		"x", "\x00", "7", "0", "@", "a@", "@a.", "a@b.co ", "1 ", "12 ", "1234 ", "+1 ", "(1)", "(", "+", "1.", "1:", "::", "1-",
		"4111 ", "de89", "de89 3704 ", "phone 1 ", "aa:", "電話", "1年", "may ", "driver license ", "zip 1 ", "\u0661", "\u200b", "\xff", "0 1 2 ",
		"<PERSON_", "A_1 ", "dl-", "passport-", "license*", "dl*1-", "dl", "dl 1-", "is my dl 1", "zip-", "zip(", "call-", "tel:1-", "iban-de89", "born-1.1.", "born ", "customerPhone",
		"1.1.90          ", "ip:1.", "1/", "1, ", "a-", "a-1", "1-1234-", "%", " ",
	} {
		text := "1 @ : " + strings.Repeat(unit, 1<<18/len(unit)) // with what each detector looks for
		begin := time.Now()
		m := NewMasker()
		if m.Unmask(m.Mask(text, find(text))) != text {
			t.Errorf("%q is not given back", unit)
		}
		if took := time.Since(begin); took > 10*time.Second {
			t.Errorf("%q: 256 KB took %v", unit, took)
		}
	}
}

func TestFindEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if spans, err := Find(ctx, "call 2609243668"); spans != nil || !errors.Is(err, context.Canceled) {
		t.Errorf("%+v, %v", spans, err)
	}
	if spans, err := Find(ctx, "nothing that has a form"); spans != nil || err != nil {
		t.Errorf("%+v, %v", spans, err)
	}
}

func TestDigitsOfEveryScript(t *testing.T) {
	for _, r := range unicode.Nd.R16 {
		if r.Stride != 1 || (r.Hi-r.Lo+1)%10 != 0 {
			t.Errorf("%x: not tens of digits", r)
		}
	}
	for _, r := range unicode.Nd.R32 {
		if r.Stride != 1 || (r.Hi-r.Lo+1)%10 != 0 {
			t.Errorf("%x: not tens of digits", r)
		}
	}
	for text, want := range map[string]byte{"٣": 3, "९": 9, "𝟘": 0, "𝟿": 9, "７": 7} {
		if r, _ := utf8.DecodeRuneInString(text); digitOf(r) != want {
			t.Errorf("%s: %d", text, digitOf(r))
		}
	}
}

// F: Find never panics; spans are sorted, apart, not empty and on runes.
func FuzzFind(f *testing.F) {
	for _, seed := range []string{
		"", "call 2609243668", "4111 1111 1111 1111", "DE89 3704 0044 0532 0130 00", "ssn 219-09-9999", "a@b.co", "::1 fe80::1%0", "(+1)(2)",
		"born 4. März 1990年5月4日", "driver's license A1234567", "zip 1234 ab", "\xff٣\u200b+", "aa:bb:cc:dd:ee:0f", "1.2.3.4", "x1 (1)-2/3.4",
		"1er de mai de '90", ":.:", "+1 604 607 3992, ext. 1",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		checkSpans(t, text, find(text))
	})
}

func checkSpans(t *testing.T, text string, spans []classify.Span) {
	t.Helper()
	end := 0
	for _, s := range spans {
		if s.From < end || s.To <= s.From || s.To > len(text) {
			t.Fatalf("%+v after %d in %q", s, end, text)
		}
		if !onRune(text, s.From) || !onRune(text, s.To) {
			t.Fatalf("%+v cuts a rune of %q", s, text)
		}
		if !slices.Contains(Types(), s.Type) {
			t.Fatalf("%+v is of no type", s)
		}
		end = s.To
	}
}

// onRune says whether a rune begins at i, as a range over text counts them: a
// byte that is not UTF-8 is a rune of its own.
func onRune(text string, i int) bool {
	if i == len(text) {
		return true
	}
	for at := range text {
		if at >= i {
			return at == i
		}
	}
	return false
}

func BenchmarkFind(b *testing.B) {
	text := strings.Repeat("Please call Jane on +49 171 2345678 or write to jane@example.com about order 12345. ", 12)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		find(text)
	}
}
