package pii

import "testing"

// "call", "cell", "pH", "mobile" and "contact" are words of code and science too.
func TestWordsThatMayMeanACallNeedTheNumberBesideThem(t *testing.T) {
	for _, text := range []string{
		"The function is called with 25000000 iterations",
		"Each human cell has about 3200000000 base pairs",
		"I call malloc with 33554432",
		"The caller passed 4294967295",
		"At pH 7 there are 6022140 ions",
		"Contact angle of 12 34 56 degrees",
		"call_count = 12345678",
		"it was called 25000000 times",
		"3200000000 cell divisions",
		"there were 25000000 call sites",
		"The caller passed the values 1, 4294967295, and 7",
		"mobile users: none. Mobile banking has 12000000 of them",
		"calls to 33554432",
		"We call our API with 33554432 and",
		"Call center handles 12000000 calls",
	} {
		check(t, []example{{text, nil}})
	}
	check(t, []example{
		{"Call me at 74185884 after 5.", one(Phone, "74185884")},
		{"call me on 5551234 tomorrow", one(Phone, "5551234")},
		{"Call Jane on 2345678", one(Phone, "2345678")},
		{"call 2345678 for help", one(Phone, "2345678")},
		{"Contact us: 12345678", one(Phone, "12345678")},
		{"His cell is 2609243668 and he", one(Phone, "2609243668")},
		{"Bel 0612345678 voor meer", one(Phone, "0612345678")},
		{"Bel ons op 0612345678", one(Phone, "0612345678")},
		{"contact Jane Roe, 74185884", one(Phone, "74185884")},
		{"Contact: Jane Roe 74185884", one(Phone, "74185884")},
		{"called me from 74185884 yesterday", one(Phone, "74185884")},
		{"mobile 7700900123", one(Phone, "7700900123")},
		{"mobile number: 7700900123", one(Phone, "7700900123")},
		{"mobile_number=7700900123", one(Phone, "7700900123")},
		{"cell. 3331234567", one(Phone, "3331234567")},
		{"ring meg på 74185884", one(Phone, "74185884")},
		{"My phone (mobile, preferred) 74185884", one(Phone, "74185884")},
		{"You can reach Bob; his number, if you want to call, is 5551234", one(Phone, "5551234")},
		{"call us toll free 8005551234", one(Phone, "8005551234")},
		{"dial 5551234", one(Phone, "5551234")},
		{"ph: 98765432", one(Phone, "98765432")},
		{"Dial (5551234)", one(Phone, "5551234")},
		{"ara: 5321234567", one(Phone, "5321234567")},
		{"5551234 (cell)", one(Phone, "5551234")},
		{"call our office, +44 20 7946 0958", one(Phone, "+44 20 7946 0958")},
		{"contact the office at 695 187 575", one(Phone, "695 187 575")},
		{"call my mother 74185884", one(Phone, "74185884")},
		{"Please call us, day or night, 74185884", one(Phone, "74185884")},
		{"mobile (UK) 7700900123", one(Phone, "7700900123")},
		{"cell 2609243668 or home 2609243669", []string{Phone + " 2609243668", Phone + " 2609243669"}},
	})
}

// Arguments of tools and JSON have names such as customerPhone.
func TestNamesInCamelCaseAreReadAsTheirParts(t *testing.T) {
	check(t, []example{
		{`{"customerPhone": 4155552671, "billingZip": "94107"}`, []string{Phone + " 4155552671", PostalCode + " 94107"}},
		{`{"homePhoneNumber": 4155552671}`, one(Phone, "4155552671")},
		{`{"cellNumber": 4155552671}`, one(Phone, "4155552671")},
		{`{"clientMobile": "4155552671"}`, one(Phone, "4155552671")},
		{`{"userSSN": "219099999", "patientDob": "5/4/1990"}`, []string{SSN + " 219099999", Birth + " 5/4/1990"}},
		{`{"employeePassportNumber": "912803456"}`, one(Passport, "912803456")},
		{`{"driverLicenseNumber": "A1234567"}`, one(Licence, "A1234567")},
		{`{"shippingPostalCode": "94107"}`, one(PostalCode, "94107")},
		{`éléments: {"ÉlianePhone": 4155552671}`, one(Phone, "4155552671")},
	})
	for _, text := range []string{
		`{"orderNumber": 4111111111111111}`,
		`{"iPhone": 4155552671}`,
		`{"callCount": 25000000, "cellIndex": 25000000}`,
		`{"phoneModel": 41555526}`,
		`PhD 12345678`,
		`{"trackingNumber": "555-123-4567"}`,
		`{"telemetryId": 12345678}`,
		`{"zipFile": 94107}`,
		`{"mobileUsers": 25000000}`,
	} {
		check(t, []example{{text, nil}})
	}
}
