package pii

import "testing"

// A program's version looks like an address.
func TestVersionsAreNotHosts(t *testing.T) {
	check(t, []example{
		{"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Safari/537.36 Edg/124.0.0.0", nil},
		{"foo==20.1.3.4", nil},
		{"Linux kernel 5.15.90.1", nil},
		{"nginx 1.25.3.22", nil},
		{"nginx 21.25.3.22 release", nil},
		{"GET http://example.com/check/203.0.113.7", one(IP, "203.0.113.7")},
		{"tcp/203.0.113.7 is open", one(IP, "203.0.113.7")},
		{"filter ip.addr==203.0.113.7", one(IP, "203.0.113.7")},
		{"nginx on 203.0.113.7", one(IP, "203.0.113.7")},
		{"whois example.net/203.0.113.7", one(IP, "203.0.113.7")},
		{"Router 203.0.113.9 firmware upgrade", one(IP, "203.0.113.9")},
	})
}

// Kotlin has labels, NumPy a product of matrices.
func TestCodeIsNoEmailAddress(t *testing.T) {
	check(t, []example{
		{"this@MainActivity.startActivity(intent)", nil},
		{"super@Outer.toString.invoke()", nil},
		{"y = W@x.reshape(-1)", nil},
		{"h = weights@inputs.dot(v) + weights@hidden.transpose()", nil},
		{"ask jane@example.com(Jane)", one(Email, "jane@example.com")},
		{"that@example.com", one(Email, "that@example.com")},
		{"jane@example.museum, bob@site.info (Bob)", []string{Email + " jane@example.museum", Email + " bob@site.info"}},
	})
}

// Python has a function zip, and "индекс" is an index of anything.
func TestCallsAndIndicesAreNotPostalCodes(t *testing.T) {
	check(t, []example{
		{"zip(xs[1000:], ys)", nil},
		{"zip(range(100), names)", nil},
		{"Индекс S&P 500", nil},
		{"индекс элемента 1000", nil},
		{"индекс 1000", nil},
		{"zip (94107)", one(PostalCode, "94107")},
		{"ZIP: 94107", one(PostalCode, "94107")},
		{"PLZ(80331)", one(PostalCode, "80331")},
		{"почтовый индекс 101000", one(PostalCode, "101000")},
		{"индекс: 101000", one(PostalCode, "101000")},
	})
}

// Patents, building permits and software have numbers and licences too.
func TestOtherLicencesAreNotDrivers(t *testing.T) {
	check(t, []example{
		{"speed up a DL job on 8 GPUs with 250000 samples", nil},
		{"La patente 1234567 protege el invento", nil},
		{"permis de construire 0123456", nil},
		{"MIT License 20230101", nil},
		{"DL is A1234567", one(Licence, "A1234567")},
		{"DL: A1234567", one(Licence, "A1234567")},
		{"DL# F255-921-50-094-0", one(Licence, "F255-921-50-094-0")},
		{"A1234567 is my DL", one(Licence, "A1234567")},
		{"permis de conduire 123456789", one(Licence, "123456789")},
		{"carnet de conducir A1234567", one(Licence, "A1234567")},
		{"patente di guida AB1234567C", one(Licence, "AB1234567C")},
		{"license: XW816143", one(Licence, "XW816143")},
	})
}

// ZIP+4, numbers of employers and drugs, lotteries and dumps begin with zeros too.
func TestOtherGroupsAreNotTelephoneNumbers(t *testing.T) {
	check(t, []example{
		{"It went to Cambridge, MA 02139-4307 in May.", nil},
		{"The employer has the EIN 04-2103594 since then.", nil},
		{"NDC 0069-2587-41", nil},
		{"the draw was 03 14 27 33 41", nil},
		{"0012 0034 0056 0078", nil},
		{"Tel 02139-4307", one(Phone, "02139-4307")},
		{"phone 04-2103594", one(Phone, "04-2103594")},
		{"call 03 14 27 33 41", one(Phone, "03 14 27 33 41")},
		{"03 14 27 33 41", one(Phone, "03 14 27 33 41")},
		{"00420 702 914 177", one(Phone, "00420 702 914 177")},
		{"0049 0171 2345678", one(Phone, "0049 0171 2345678")},
		{"02139 430712", one(Phone, "02139 430712")},
	})
}

func TestOnlyASureLabelOutweighsACardInGroups(t *testing.T) {
	check(t, []example{
		{"order number 4111 1111 1111 1111", nil},
		{"The order 4111 1111 1111 1111 failed", one(Card, "4111 1111 1111 1111")},
		{"call 4111 1111 1111 1111", one(Card, "4111 1111 1111 1111")},
	})
}
