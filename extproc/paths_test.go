package extproc

import "testing"

// H9: a path that some server could read as one below /v1/ is ours, however it is
// written; others are not.
func TestPathsThatReadAsOurs(t *testing.T) {
	for _, target := range []string{
		"/v1/", "/v1/chat/completions", "/v1/chat/completions?x=1", "/v1/../x",
		"//v1/x", "/./v1/x", "/x/../v1/x", "/V1/x", "/V1", `/\v1\x`, "v1/x",
		"/%76%31/x", "/%2576%2531/x", "/v1%2fx", "/x/%2e%2e/v1/x", "/%zz/../%76%31/x", "/%/../%761/x",
		"/v1;a", "/v1;a/x", "/;a/v1/x", "/a;b/../v1/x", "/a;b=1;c/../v1;d/x", "/..;/v1/x", "/a/..;b/v1/x", "/%3ba/v1/x", "/V1/..;/x",
	} {
		if !isOurs(target) {
			t.Errorf("%s is not", target)
		}
	}
	for _, target := range []string{
		"", "/", "/v1", "/v1?/v1/", "*", "/v2/x", "/v10/x", "/api/v1/x", "/x/v1/../x", "/x;/v1", "/x;a/v1/y", "/x?/v1/", "/v1.0/x", "/%2/v1", "/a%zz",
	} {
		if isOurs(target) {
			t.Errorf("%s is", target)
		}
	}
}
