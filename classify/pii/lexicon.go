package pii

import (
	"strings"
	"unicode/utf8"
)

// cueWords are the cues in many languages, in lower case, parted by spaces; two
// words that only mean something together are joined by an underscore.
var cueWords = map[kind]string{
	kindPhone: `phone phones telephone tel telno mobile cell cellphone phonenumber mobilenumber call called caller calling phoned country_code dial fax whatsapp viber sms hotline
		helpline callback voicemail landline pager contact ph mob text_me text_us text_him text_her ring_me ring_us reach_me reach_us
		reach_him reach_her reach_them reached_at reached_on reachable_at reachable_on my_number his_number her_number their_number
		our_number your_number whose_number contact_number number_for direct_line
		telefon telefonnummer telefonnr rufnummer handy handynummer mobil mobilnummer mobiltelefon anrufen erreichen erreichbar festnetz
		durchwahl ruf_mich meine_nummer seine_nummer ihre_nummer telefonisch
		téléphone telephone tél portable appeler appelez appelle joindre joignable mon_numéro son_numéro numéro_est notre_numéro
		teléfono telefono móvil movil celular llámame llamar llame llamarme llámenos mi_número su_número mi_numero número_es
		cellulare chiamami chiamare chiamatemi chiami chiamarmi chiamarlo chiamarla chiamarci mio_numero numero_è suo_numero recapito
		telefone telemóvel ligue ligar contato contacto meu_número seu_número
		telefoon telefoonnummer mobiel mobiele gsm bel bellen bereikbaar mijn_nummer
		ring tlf mitt_nummer mit_nummer telefonnumre telefonnummeret mobilen ringa
		puhelin puhelinnumero puhelinnumeroni puh numeroni soita matkapuhelin puhelimitse
		telefonu telefonem komórka komórkowy zadzwoń zadzwonić mój_numer numer_to dzwoń
		telefonní mobilní zavolejte volejte zavolat telefónne číslo_je mé_číslo
		telefonum telefonunuz telefonumu numaram numarası cep arayın arayabilirsiniz ara
		telefonszám telefonszáma telefonszámom hívjon sunați telefonul numărul telefonski
		телефон телефона телефону тел моб звоните позвоните мобильный телефоном дзвоніть мобільний
		τηλέφωνο τηλ κινητό هاتف الهاتف هاتفي جوال تلفن טלפון נייד फ़ोन फोन मोबाइल ফোন মোবাইল`,
	kindCard: `card cards creditcard cardnumber cc luhn cvv cvc expiry exp charge charged kreditkartennummer kaartnummer kortnummeret visa mastercard amex maestro discover pan paid karte kreditkarte kartennummer
		tarjeta carte carta cartão cartao kaart kreditkort kort kortnummer kortti luottokortti karta karty kartę kartou kart kartı
		carduri kártya карта карты картой κάρτα بطاقة`,
	kindCall: `call called caller calling cell contact ph mobile dial ring bel ara`,
	kindCount: `times iterations elements items samples entries records requests tokens steps rows columns degrees ions atoms molecules base pairs
		nodes edges points places pixels parameters lines words characters cycles calls seconds milliseconds nanoseconds minutes hours days
		weeks years percent grams tons liters litres euro dollar iterationen mal elemente zeilen fois lignes veces líneas volte righe keer`,
	kindReach:    `text texted texting message messages reach reached notify alert forward leave`,
	kindAccount:  `bankverbindung wire wired transfer überweisen überweisung virement transferencia bonifico przelew iban account accounts konto kontonummer bban bic swift cuenta compte conto conta rekening tili rachunek účet hesap sort_code routing`,
	kindSSN:      `ssn ssns social_security social_insurance tax_id taxpayer tin`,
	kindPermit:   `license licence`,
	kindPassport: `passport passports passport_number`,
	kindBirth: `born birth birthdate birthday birthdays dob o_b dateofbirth bday
		geboren geb geburtsdatum geburtstag né née nee_le naissance nacido nacida nacimiento nació cumpleaños nato_il nato_a nata_il nata_a
		nascita nascido nascida nascimento nasceu aniversário geboortedatum verjaardag född född_den födelsedatum födelsedag født fødselsdato
		fødselsdag syntynyt syntymäaika syntymäpäivä syntyi urodzony urodzona urodzenia urodziny urodził urodziła narozen narozena narození
		narodil narodila doğum doğumlu doğdu született születési născut născută nașterii rojen rojena rođen rođena rođenja
		родился родилась рождения рожд родилася народився народилася народження роден родена раждане γεννήθηκε γεννήσεως γέννησης
		المیلاد الميلاد ميلاد مواليد לידה נולד נולדה जन्म जन्मतिथि`,
	kindLicence: `driver_license driver's_license drivers_license driver_licence driver's_licence drivers_licence driving_license driving_licence
		driver's_lic license_number licence_number license_no licence_no license_num dl dln dl_number driverlicense
		driverslicense driver's_permit
		führerschein führerscheinnummer de_conduire de_conducir de_manejo di_guida mia_patente tua_patente sua_patente numero_patente patente_numero
		patente_n prawo_jazdy prawa_jazdy rijbewijs rijbewijsnummer körkort
		førerkort kørekort ajokortti ajokortin ehliyet ehliyeti řidičský řidičského cnh habilitação de_motorista de_condução dl_no
		водительское водительского удостоверение`,
	kindBrief: `dl`,
	kindZIP: `zip zips zipcode zip_code postcode postcodes postal postalcode postal_code post_code plz postleitzahl postal_es code_postal cep
		postnummer postnr postinumero psč kod_pocztowy kodem_pocztowym pincode pin_code código_postal codice_postale posta_kodu irányítószám
		индекс почтовый_индекс почтового_индекса поштовий_індекс`,
	kindIndex:   `индекс`,
	kindProgram: `kernel nginx apache httpd openssl chrome chromium firefox safari edge opera webview windows android ios macos docker mysql redis`,
	kindAddress: `ip ips ipv ip_address ipaddress ip_addresses addr host hosts hostname server servers ping pinged pings subnet gateway dns
		router firewall proxy network client logged login log ssh http https tcp udp nmap traceroute curl netmask cidr address_of interface
		machine node vpn traffic packets adresse_ip dirección_ip indirizzo_ip adres_ip remote peer listen bind route`,
	kindRecord: `contact customer client patient employee member vcard cv resume profile person user name names passenger guest applicant
		student tenant subscriber insured cardholder holder attendee candidate kunde kundin client_id patiente paciente cliente klant
		kund asiakas klient zákazník müşteri nom nombre nome naam namn nimi nazwisko jméno isim details beneficiary signature regards`,
	kindOther: `order orders invoice track tracking shipment package model serial sku commit uuid guid error errors port ports population compute
		calculate solve divisible divided divide modulo mod multiply product sum sequence series integral factor prime equation hex binary
		checksum hash ticket reference ref barcode patent flight timestamp byte bytes bits lottery random digits remainder id ids page pages
		chapter section line row figure theorem exercise evaluate simplify convert_the number_of square_root root add
		bestellung bestellnummer rechnung rechnungsnummer sendung commande facture pedido factura ordine fattura sipariş zamówienie
		objednávka tilaus beställning bestelling license_plate licence_plate inches meters metres kg km miles dollars euros people
		users units downloads votes function method api file files archive`,
	kindLabel: `isbn issn doi imei vin upc ean asin gtin order_number order_no order_id invoice_number invoice_no tracking_number
		serial_number model_number part_number case_number ticket_number reference_number article_number item_number account_number
		bestellnummer rechnungsnummer sequence sequences compute divisible modulo prime even odd palindrome uuid oid lottery lotto drawn the_draw winning_numbers lottozahlen ndc`,
	kindVersion: `version versions ver v release releases upgrade downgrade build firmware software section sections chapter clause paragraph
		subsection article rev revision oid outline versie versión versione versão wersja verze sürüm версия`,
	kindEvent: `died death deceased issued issue expires expiry expired expiration due since until valid hired joined started start visit
		appointment admitted meeting dated date married updated created modified published released founded signed effective deadline
		invoice ordered order shipped delivered arrived departure arrival event war battle treaty gestorben mort décédé murió morto zmarł
		date_of`,
}

type glyphCue struct {
	text string
	kind kind
}

// glyphCues are cues of scripts that don't part words.
var glyphCues = []glyphCue{
	{"电话", kindPhone}, {"電話", kindPhone}, {"手机", kindPhone}, {"手機", kindPhone}, {"携帯", kindPhone}, {"連絡先", kindPhone},
	{"联系方式", kindPhone}, {"聯絡", kindPhone}, {"致电", kindPhone}, {"전화", kindPhone}, {"휴대폰", kindPhone}, {"연락처", kindPhone},
	{"핸드폰", kindPhone}, {"โทร", kindPhone}, {"เบอร์", kindPhone}, {"号码是", kindPhone},
	{"信用卡", kindCard}, {"银行卡", kindCard}, {"カード", kindCard}, {"카드", kindCard}, {"บัตร", kindCard},
	{"账号", kindAccount}, {"账户", kindAccount}, {"口座", kindAccount}, {"계좌", kindAccount},
	{"出生", kindBirth}, {"生日", kindBirth}, {"生于", kindBirth}, {"生年月日", kindBirth}, {"生まれ", kindBirth}, {"誕生日", kindBirth},
	{"생년월일", kindBirth}, {"출생", kindBirth}, {"생일", kindBirth}, {"태어", kindBirth}, {"เกิด", kindBirth},
	{"驾照", kindLicence}, {"驾驶证", kindLicence}, {"運転免許", kindLicence}, {"운전면허", kindLicence},
	{"邮编", kindZIP}, {"邮政编码", kindZIP}, {"郵便番号", kindZIP}, {"우편번호", kindZIP}, {"รหัสไปรษณีย์", kindZIP},
	{"版本", kindVersion}, {"バージョン", kindVersion}, {"订单", kindOther | kindLabel}, {"注文番号", kindOther | kindLabel},
	{"姓名", kindRecord}, {"客户", kindRecord}, {"お客様", kindRecord}, {"氏名", kindRecord},
}

// monthWords are the months in many languages, each list from January on. A word
// that is also another's, such as "mars", is that month in all of them.
var monthWords = []string{
	"january february march april may june july august september october november december",
	"jan feb mar apr may jun jul aug sep oct nov dec",
	"- - - - - - - - sept - - -",
	"januar februar märz april mai juni juli august september oktober november dezember",
	"jänner feber - - - - - - - okt - dez",
	"janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
	"janv févr - avr - - juil - - - - déc",
	"enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
	"ene - - abr - - - ago - - - dic",
	"gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
	"gen - - - mag giu lug - set ott - -",
	"janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
	"- fev - - - - - - - out - -",
	"januari februari maart april mei juni juli augustus september oktober november december",
	"- - mrt - - - - augusti - - - -",
	"- - marts - maj - - - - - - desember",
	"tammikuuta helmikuuta maaliskuuta huhtikuuta toukokuuta kesäkuuta heinäkuuta elokuuta syyskuuta lokakuuta marraskuuta joulukuuta",
	"stycznia lutego marca kwietnia maja czerwca lipca sierpnia września października listopada grudnia",
	"ledna února března dubna května června července srpna září října listopadu prosince",
	"ocak şubat mart nisan mayıs haziran temmuz ağustos eylül ekim kasım aralık",
	"január február március április május június július augusztus szeptember október november december",
	"ianuarie februarie martie aprilie mai iunie iulie august septembrie octombrie noiembrie decembrie",
	"января февраля марта апреля мая июня июля августа сентября октября ноября декабря",
	"січня лютого березня квітня травня червня липня серпня вересня жовтня листопада грудня",
	"ιανουαρίου φεβρουαρίου μαρτίου απριλίου μαΐου ιουνίου ιουλίου αυγούστου σεπτεμβρίου οκτωβρίου νοεμβρίου δεκεμβρίου",
	"يناير فبراير مارس أبريل مايو يونيو يوليو أغسطس سبتمبر أكتوبر نوفمبر ديسمبر",
	"जनवरी फ़रवरी मार्च अप्रैल मई जून जुलाई अगस्त सितंबर अक्टूबर नवंबर दिसंबर",
}

// newWords is the set of the words of a list.
func newWords(list string) map[string]bool {
	all := make(map[string]bool)
	for word := range strings.FieldsSeq(list) {
		all[word] = true
	}
	return all
}

type meaning struct {
	kind   kind // none of a word that only begins pairs
	month  int
	begins bool // a pair
}

// lexicon is what each word and each pair of words means. It is never changed.
var lexicon = newLexicon()

func newLexicon() map[string]meaning {
	all := make(map[string]meaning, 1500)
	for k, words := range cueWords {
		for word := range strings.FieldsSeq(words) {
			m := all[word]
			m.kind |= k
			all[word] = m
			if first, _, ok := strings.Cut(word, "_"); ok {
				m = all[first]
				m.begins = true
				all[first] = m
			}
		}
	}
	for _, list := range monthWords {
		for i, word := range strings.Fields(list) {
			if m := all[word]; word != "-" && m.month == 0 {
				all[word] = meaning{m.kind | kindMonth, i + 1, m.begins}
			}
		}
	}
	return all
}

// glyphsByLast is glyphCues by their last glyph. It is never changed.
var glyphsByLast = newGlyphs()

func newGlyphs() map[rune][]glyphCue {
	all := make(map[rune][]glyphCue)
	for _, g := range glyphCues {
		last, _ := utf8.DecodeLastRuneInString(g.text)
		all[last] = append(all[last], g)
	}
	return all
}
