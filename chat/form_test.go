package chat_test

import (
	"bytes"
	"io"
	"mime"
	"mime/multipart"
	"net/textproto"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/vsr-proxy/vsr-proxy/chat"
)

const (
	formType = "multipart/form-data; boundary=XX"
	field    = "--XX\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\n"
	upload   = "--XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\nContent-Type: audio/wav\r\n\r\nRIFF\x00\xff\r\n\r\nmodel\r\n"
	closing  = "--XX--\r\n"
)

func TestParseFormReadsTheModel(t *testing.T) {
	for name, body := range map[string]string{
		"alone":               field + "whisper\r\n" + closing,
		"after a file":        upload + field + "whisper\r\n" + closing,
		"before a file":       field + "whisper\r\n" + upload + closing,
		"no last line break":  field + "whisper\r\n" + "--XX--",
		"unquoted name":       "--XX\r\nContent-Disposition: form-data; name=model\r\n\r\nwhisper\r\n" + closing,
		"headers in any case": "--XX\r\ncontent-disposition:form-data;name=\"model\"\r\nCONTENT-TYPE: text/plain; charset=UTF-8\r\nContent-Length: 7\r\n\r\nwhisper\r\n" + closing,
		"binary declared":     "--XX\r\nContent-Disposition: form-data; name=\"model\"\r\nContent-Transfer-Encoding: 8bit\r\n\r\nwhisper\r\n" + closing,
		"repeated other":      strings.Repeat("--XX\r\nContent-Disposition: form-data; name=\"t[]\"\r\n\r\nword\r\n", 3) + field + "whisper\r\n" + closing,
		"encoded file name":   "--XX\r\nContent-Disposition: form-data; name=\"file\"; filename*=utf-8''a%20b\r\n\r\nx\r\n" + field + "whisper\r\n" + closing,
	} {
		t.Run(name, func(t *testing.T) {
			sent := strings.Clone(body)
			r, err := chat.ParseForm(formType, []byte(body))
			if err != nil {
				t.Fatal(err)
			}
			if r.Model != "whisper" || r.Kind != chat.ByModel {
				t.Errorf("got %+v", r)
			}
			if got, want := string(r.WithModel("big")), strings.Replace(body, "whisper", "big", 1); got != want {
				t.Errorf("spliced into %q, want %q", got, want)
			}
			if got := r.WithModel("whisper"); &got[0] != &r.Body[0] || string(r.Body) != sent {
				t.Error("the body was copied or changed")
			}
		})
	}
}

// B4 for forms: whatever two readers of multipart could take differently is
// refused.
func TestParseFormRefusesWhatReadersDisagreeAbout(t *testing.T) {
	value := func(s string) string { return field + s + "\r\n" + closing }
	header := func(lines string) string { return "--XX\r\n" + lines + "\r\n\r\nwhisper\r\n" + closing }
	const disposition = "Content-Disposition: form-data; name=\"model\""
	tests := []struct{ name, body, code, param string }{
		{"empty", "", "invalid_multipart_form", ""},
		{"no parts", "--XX--", "missing_required_parameter", "model"},
		{"no model", upload + closing, "missing_required_parameter", "model"},
		{"Model in other case", "--XX\r\nContent-Disposition: form-data; name=\"Model\"\r\n\r\nx\r\n" + closing, "missing_required_parameter", "model"},
		{"two models", field + "a\r\n" + field + "b\r\n" + closing, "duplicate_field", "model"},
		{"model as a file", header(disposition + "; filename=\"m\""), "invalid_type", "model"},
		{"model with an empty file name", header(disposition + "; filename=\"\""), "invalid_type", "model"},
		{"model with an encoded file name", header(disposition + "; filename*=utf-8''m"), "invalid_type", "model"},
		{"model as JSON", header(disposition + "\r\nContent-Type: application/json"), "invalid_type", "model"},
		{"model in UTF-16", header(disposition + "\r\nContent-Type: text/plain; charset=utf-16"), "invalid_type", "model"},
		{"model quoted-printable", header(disposition + "\r\nContent-Transfer-Encoding: quoted-printable"), "invalid_multipart_form", ""},
		{"model empty", value(""), "invalid_value", "model"},
		{"model not UTF-8", value("\xff"), "invalid_value", "model"},
		{"model with NUL", value("a\x00b"), "invalid_value", "model"},
		{"model with a line break", value("a\r\nb"), "invalid_value", "model"},
		{"model too long", value(strings.Repeat("m", 513)), "limit_exceeded", "model"},
		{"preamble", "hello\r\n" + value("x"), "invalid_multipart_form", ""},
		{"line break first", "\r\n" + value("x"), "invalid_multipart_form", ""},
		{"epilogue", value("x") + "more", "invalid_multipart_form", ""},
		{"second form", value("x") + value("y"), "invalid_multipart_form", ""},
		{"never closed", field + "x\r\n", "invalid_multipart_form", ""},
		{"cut in the boundary", field + "x\r\n--X", "invalid_multipart_form", ""},
		{"bare line feeds", strings.ReplaceAll(value("x"), "\r\n", "\n"), "invalid_multipart_form", ""},
		{"boundary after a bare line feed", value("x\n--XX\nContent-Disposition: form-data; name=\"a\"\n\ny"), "invalid_multipart_form", ""},
		{"boundary inside a line", value("x--XX"), "invalid_multipart_form", ""},
		{"boundary with a tail", value("x\r\n--XXY\r\n"), "invalid_multipart_form", ""},
		{"space after the boundary", strings.Replace(value("x"), "--XX\r\n", "--XX \r\n", 1), "invalid_multipart_form", ""},
		{"no header", "--XX\r\n\r\nx\r\n" + closing, "invalid_multipart_form", ""},
		{"header without end", "--XX\r\n" + disposition + "\r\n--XX--", "invalid_multipart_form", ""},
		{"header too long", header(disposition + "\r\nX: " + strings.Repeat("x", 9000)), "invalid_multipart_form", ""},
		{"folded header", header("Content-Disposition: form-data;\r\n name=\"model\""), "invalid_multipart_form", ""},
		{"space before the colon", header("Content-Disposition : form-data; name=\"model\""), "invalid_multipart_form", ""},
		{"header with a bare return", header(disposition + "\rX: y"), "invalid_multipart_form", ""},
		{"header line without colon", header(disposition + "\r\nX"), "invalid_multipart_form", ""},
		{"two dispositions", header(disposition + "\r\n" + disposition), "invalid_multipart_form", ""},
		{"no disposition", header("X: y"), "invalid_multipart_form", ""},
		{"attachment", header("Content-Disposition: attachment; name=\"model\""), "invalid_multipart_form", ""},
		{"no name", header("Content-Disposition: form-data"), "invalid_multipart_form", ""},
		{"two names", header(disposition + "; name=\"other\""), "invalid_multipart_form", ""},
		{"name in RFC 2231", header("Content-Disposition: form-data; name*=utf-8''model"), "invalid_multipart_form", ""},
		{"name in pieces", header("Content-Disposition: form-data; name*0=mod; name*1=el"), "invalid_multipart_form", ""},
		{"name with escapes", header(`Content-Disposition: form-data; name="mod\"el"`), "invalid_multipart_form", ""},
		{"name inside a file name", header(`Content-Disposition: form-data; filename="; name=a"; name="model"`), "invalid_multipart_form", ""},
		{"too many parts", strings.Repeat("--XX\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx\r\n", 257) + value("x"), "limit_exceeded", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, err := chat.ParseForm(formType, []byte(tt.body))
			if err == nil {
				t.Fatalf("accepted as model %q", r.Model)
			}
			if err.Status != 400 || err.Code != tt.code || err.Param != tt.param {
				t.Errorf("got %+v", err)
			}
		})
	}
}

func TestParseFormContentType(t *testing.T) {
	body := []byte(field + "whisper\r\n" + closing)
	for contentType, status := range map[string]int{
		`multipart/form-data; boundary="XX"`:              0,
		`Multipart/Form-Data; charset=utf-8; boundary=XX`: 0,
		``:                             415,
		`application/json`:             415,
		`multipart/mixed; boundary=XX`: 415,
		`multipart/form-data; boundary=XX; boundary=YY`:            415,
		`multipart/form-data`:                                      400,
		`multipart/form-data; boundary=""`:                         400,
		`multipart/form-data; boundary="X X"`:                      400,
		`multipart/form-data; boundary*=utf-8''XX`:                 400,
		`multipart/form-data; boundary*0=X; boundary*1=X`:          400,
		`multipart/form-data; boundary=` + strings.Repeat("X", 71): 400,
	} {
		_, err := chat.ParseForm(contentType, body)
		if got := statusOf(err); got != status {
			t.Errorf("%s: status %d, want %d (%v)", contentType, got, status, err)
		}
	}
}

func statusOf(err *chat.Error) int {
	if err == nil {
		return 0
	}
	return err.Status
}

// Forms written by the standard library are read, and its reader finds the new
// model.
func TestParseFormAgreesWithTheStandardWriter(t *testing.T) {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	file, _ := w.CreateFormFile("file", `odd "name".wav`)
	_, _ = io.Copy(file, bytes.NewReader(bytes.Repeat([]byte("\r\n--\x00\xff"), 1000)))
	_ = w.WriteField("model", "whisper-1")
	_ = w.WriteField("language", "de")
	_ = w.Close()
	r, err := chat.ParseForm(w.FormDataContentType(), b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if got, ok := standardModel(t, w.FormDataContentType(), r.WithModel("whisper-large")); !ok || got != "whisper-large" {
		t.Errorf("the standard reader finds %q", got)
	}
}

// standardModel reads a form with mime/multipart; ok says that it found exactly one
// model field and an orderly end.
func standardModel(t testing.TB, contentType string, body []byte) (model string, ok bool) {
	t.Helper()
	_, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		return "", false
	}
	found := 0
	for reader := multipart.NewReader(bytes.NewReader(body), params["boundary"]); ; {
		part, err := reader.NextPart() // which decodes transfer encodings
		if err == io.EOF {
			return model, found == 1
		}
		if err != nil {
			return "", false
		}
		content, err := io.ReadAll(part)
		if err != nil {
			return "", false
		}
		if part.FormName() == "model" {
			found++
			model = string(content)
			if part.FileName() != "" {
				return "", false
			}
		}
	}
}

// What ParseForm accepts, mime/multipart reads as the same model, before and after
// a splice that keeps all other bytes.
func FuzzParseForm(f *testing.F) {
	f.Add(formType, []byte(upload+field+"whisper\r\n"+closing), "big")
	f.Add(formType, []byte(field+"a\r\n"+upload+field+"b\r\n"+closing), "x")
	f.Add(`multipart/form-data; boundary="--"`, []byte("----\r\nContent-Disposition: form-data; name=model; a=b\r\n\r\n-\r\n------\r\n"), "y")
	f.Add(formType, []byte("--XX\r\nContent-Disposition: form-data; filename=\"\\\"; name=model\"; name=\"model\"\r\n\r\nx\r\n"+closing), "z")
	f.Fuzz(func(t *testing.T, contentType string, body []byte, name string) {
		sent := slices.Clone(body)
		r, err := chat.ParseForm(contentType, body)
		if err != nil {
			if err.Status != 400 && err.Status != 415 {
				t.Fatalf("status %d", err.Status)
			}
			return
		}
		if model, ok := standardModel(t, contentType, body); !ok || model != r.Model {
			t.Fatalf("mime/multipart reads %q (%v), we read %q", model, ok, r.Model)
		}
		if name == "" || strings.HasPrefix(name, "--") || !utf8.ValidString(name) || strings.ContainsFunc(name, func(c rune) bool { return c < ' ' || c == 0x7f }) {
			return // WithModel asks for a name without these
		}
		spliced := r.WithModel(name)
		if model, ok := standardModel(t, contentType, spliced); !ok || model != name {
			t.Fatalf("after the splice mime/multipart reads %q (%v), want %q", model, ok, name)
		}
		if !bytes.Equal(body, sent) || len(spliced)-len(name) != len(body)-len(r.Model) {
			t.Fatal("the body changed, or the splice changed more than the model")
		}
	})
}

// The oracle itself tells a file from a field.
func TestStandardModelRefusesFiles(t *testing.T) {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	part, _ := w.CreatePart(textproto.MIMEHeader{"Content-Disposition": {`form-data; name="model"; filename="m"`}})
	_, _ = part.Write([]byte("x"))
	_ = w.Close()
	if _, ok := standardModel(t, w.FormDataContentType(), b.Bytes()); ok {
		t.Fatal("a file passed for a field")
	}
}
