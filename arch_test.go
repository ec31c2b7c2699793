// Package vsrproxy_test holds the rules of the house that a compiler does not
// know: which room may import which, which module belongs to which room, what no
// package may do. Each failure says why the rule exists.
package vsrproxy_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/vsr-proxy/vsr-proxy"

// rooms is who may import whom. Arrows go down only: a room that is not listed
// beside another must not know it.
var rooms = map[string][]string{
	"secret":                      nil,
	"chat":                        nil, // no labels, no rules, no upstreams
	"classify":                    nil, // no JSON, no HTTP, no model names
	"classify/accel":              nil,
	"classify/classifytest":       {"classify"},
	"classify/models":             {"classify"},
	"classify/models/hub":         {"classify", "classify/models", "secret"}, // the only room but upstream that asks a server for something
	"classify/models/hub/hubtest": nil,
	"classify/pii":                {"classify"}, // spans alone: no model, no request
	"classify/eval":               {"classify", "classify/eval/chart"},
	"classify/eval/chart":         nil, // what a diagram is of
	"classify/unigram":            {"classify"},
	"classify/onnx":               {"classify", "classify/accel", "classify/unigram"},
	"config":                      {"secret"},
	"telemetry":                   {"secret"},
	"upstream":                    {"secret"}, // no labels, no JSON of requests
	"router":                      {"chat", "classify", "classify/pii", "config"},
	"live":                        {"classify", "config", "router", "upstream"},
	"exchange":                    {"chat", "classify", "config", "live", "router", "telemetry", "upstream"}, // what the doors share: no socket
	"extproc":                     {"chat", "config", "exchange", "live", "router", "telemetry", "upstream"},
	"proxy":                       {"chat", "config", "exchange", "live", "router", "telemetry", "upstream"},
	"admin":                       {"chat", "classify", "classify/pii", "live", "router"},

	"cmd/vsr-proxy": {
		"admin", "chat", "classify", "classify/accel", "classify/eval", "classify/models", "classify/models/hub", "classify/onnx", "classify/pii", "config", "extproc", "live",
		"proxy", "router", "secret", "telemetry", "upstream", "cmd/vsr-proxy/internal/simulate",
	},
	"cmd/vsr-proxy/internal/simulate": nil, // a backend like any other

	"e2e/bench":       nil, // measures the binary from outside
	"e2e/envoy/bench": {"e2e/envoy/rig"},
	"e2e/envoy/rig":   nil, // runs Envoy, the binary and stubs
	"e2e/mesh":        nil, // runs the manifests
}

// modules is which room may use which module, and why no other.
var modules = []struct {
	prefix string
	rooms  []string
	why    string
}{
	{"github.com/spf13/viper", []string{"config"}, "a value that is looked up by name anywhere can't be validated in one place"},
	{"github.com/go-viper/mapstructure/v2", []string{"config"}, "the typed tree is filled once, by the loader"},
	{"go.yaml.in/yaml/v3", []string{"config"}, "one reader of YAML, so that one file means one thing"},
	{"github.com/docker/go-units", []string{"config"}, "sizes are text in the configuration only"},
	{"github.com/go-chi/chi/v5", []string{"admin"}, "only a door has routes, and those of requests stand in one table"},
	{"github.com/yalue/onnxruntime_go", []string{"classify/onnx"}, "all else builds and tests without cgo"},
	{"github.com/daulet/tokenizers", []string{"classify/onnx"}, "all else builds and tests without cgo"},
	{"google.golang.org/protobuf", []string{"classify/onnx", "extproc"}, "it reads the graph of an ONNX file and Envoy's messages, and nothing else"},
	{"golang.org/x/text", []string{"classify", "classify/unigram"}, "text is normalised for the classifier's eyes alone, never what is forwarded"},
	{"github.com/prometheus/client_golang", []string{"telemetry"}, "the list of metrics is closed and stands in one file"},
	{"go.opentelemetry.io/otel", []string{"telemetry"}, "the list of spans is closed and stands in one file"},
	{"github.com/envoyproxy/go-control-plane", []string{"extproc"}, "only one door knows Envoy"},
	{"google.golang.org/grpc", []string{"extproc", "telemetry"}, "for the Envoy door, and for the export of traces"},
	{"github.com/google/uuid", []string{"telemetry"}, "request ids are made in one place"},
	{"golang.org/x/sync", []string{"live"}, "what bounds all requests together belongs to the generation"},
	{"github.com/spf13/cobra", []string{"cmd/vsr-proxy"}, "only the command has flags"},
	{"github.com/sashabaranov/go-openai", []string{"cmd/vsr-proxy/internal/simulate"}, "its structs lose fields: no request or answer passes through them"},
	{"github.com/go-json-experiment/json/jsontext", []string{"chat", "upstream", "admin", "classify/models", "classify/models/hub", "classify/eval", "cmd/vsr-proxy"}, "requests are tokens, not trees"},
	{"github.com/go-json-experiment/json", []string{"admin", "exchange", "classify/models", "classify/models/hub", "classify/eval", "cmd/vsr-proxy", "e2e/bench"}, "requests are never decoded into structs, and encoded again"},
}

// outside are the rooms that see the proxy from the other end of a wire, as a
// backend or a client does.
func outside(room string) bool {
	return strings.HasPrefix(room, "e2e/") || room == "cmd/vsr-proxy/internal/simulate"
}

// forbidden are standard packages that no room may import but those named, and why.
var forbidden = map[string]struct {
	why    string
	except []string
}{
	"encoding/json":  {"it takes the last duplicate, folds case and replaces bad UTF-8 (B4): use go-json-experiment", []string{"classify/onnx"}}, // there: a file pinned by its hash
	"expvar":         {"it registers on a server of the whole process", nil},
	"html/template":  {"no templates from requests (S9)", nil},
	"math/rand":      {"math/rand/v2 has no seed of the whole process", nil},
	"net/http/pprof": {"it registers on a server of the whole process (P6)", nil},
	"os/exec":        {"nothing here runs a command (S9)", nil},
	"plugin":         {"code is what was built (S12)", nil},
	"text/template":  {"no templates from requests (S9)", nil},
	"unsafe":         {"only the border to C needs it", []string{"classify/onnx"}},
	"C":              {"all but classify/onnx builds and tests without cgo", []string{"classify/onnx"}},
}

// source is one Go file.
type source struct {
	name, room string
	test       bool
	file       *ast.File
}

var files = token.NewFileSet()

// parse reads all Go files of the module, whatever their build constraints. A
// folder with a go.mod of its own is no room: nothing here can import it.
func parse(t *testing.T) []source {
	t.Helper()
	var out []source
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if base := d.Name(); name != "." && (strings.HasPrefix(base, ".") || base == "testdata" || base == "bin") {
				return fs.SkipDir
			}
			if _, err := os.Stat(filepath.Join(name, "go.mod")); err == nil && name != "." {
				return fs.SkipDir
			}
			return nil
		}
		if filepath.Ext(name) != ".go" {
			return nil
		}
		f, err := parser.ParseFile(files, name, nil, parser.ParseComments)
		if err != nil {
			return err
		}
		out = append(out, source{filepath.ToSlash(name), path.Dir(filepath.ToSlash(name)), strings.HasSuffix(name, "_test.go"), f})
		return nil
	})
	if err != nil || len(out) < 50 {
		t.Fatalf("found %d files: %v", len(out), err)
	}
	return out
}

func (s source) imports() []string {
	var out []string
	for _, i := range s.file.Imports {
		name, _ := strconv.Unquote(i.Path.Value)
		out = append(out, name)
	}
	return out
}

func TestArrowsGoDownOnly(t *testing.T) {
	for _, s := range parse(t) {
		allowed, known := rooms[s.room]
		if !known && !s.test {
			t.Errorf("%s: %s is no room: add it to the table with what it may import, or put the file where it belongs", s.name, s.room)
		}
		for _, name := range s.imports() {
			room, ours := strings.CutPrefix(name, module+"/")
			switch {
			case !ours:
			case !s.test && !slices.Contains(allowed, room):
				t.Errorf("%s imports %s: %s may import only %v, so that it can be read, tested and replaced without knowing more", s.name, room, s.room, allowed)
			case room == "classify/onnx" && s.room != "classify/onnx" && s.room != "cmd/vsr-proxy":
				t.Errorf("%s imports %s: tests of other rooms run without cgo", s.name, room)
			}
		}
	}
}

func TestEachModuleHasItsRooms(t *testing.T) {
	for _, s := range parse(t) {
		if s.test {
			continue
		}
	imports:
		for _, name := range s.imports() {
			if first, _, _ := strings.Cut(name, "/"); !strings.Contains(first, ".") || strings.HasPrefix(name, module+"/") {
				continue // the standard library, or ours
			}
			for _, m := range modules {
				if name != m.prefix && !strings.HasPrefix(name, m.prefix+"/") {
					continue
				}
				if !slices.Contains(m.rooms, s.room) {
					t.Errorf("%s imports %s, which belongs to %v: %s", s.name, name, m.rooms, m.why)
				}
				continue imports
			}
			t.Errorf("%s imports %s, which belongs to no room: a new dependency is a decision, so write it into the table", s.name, name)
		}
	}
}

func TestForbiddenStandardPackages(t *testing.T) {
	for _, s := range parse(t) {
		for _, name := range s.imports() {
			if rule, ok := forbidden[name]; ok && !s.test && !outside(s.room) && !slices.Contains(rule.except, s.room) {
				t.Errorf("%s imports %s: %s", s.name, name, rule.why)
			}
		}
	}
}

// What the rooms depend on, through other people's modules too, is free of cgo.
func TestRoomsBuildWithoutCgo(t *testing.T) {
	args := []string{"list", "-deps", "-test", "-f", `{{if and .CgoFiles (not .Standard)}}{{.ImportPath}}{{end}}`}
	for room := range rooms {
		if room != "classify/onnx" && room != "cmd/vsr-proxy" {
			args = append(args, "./"+room)
		}
	}
	cmd := exec.Command("go", args...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=1") // or go list would not see the files
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	if used := strings.Fields(string(out)); len(used) > 0 {
		t.Errorf("%v need cgo: all but classify/onnx and cmd builds and tests with CGO_ENABLED=0", used)
	}
}

// A package comment is the room's spec.
func TestEveryPackageHasAComment(t *testing.T) {
	documented, names := map[string]bool{}, map[string]string{}
	for _, s := range parse(t) {
		if s.test {
			continue
		}
		names[s.room] = s.file.Name.Name
		if text := s.file.Doc.Text(); strings.HasPrefix(text, "Package "+s.file.Name.Name+" ") || strings.HasPrefix(text, "Command ") {
			documented[s.room] = true
		}
	}
	for room, name := range names {
		if !documented[room] {
			t.Errorf("%s has no package comment: it says what a room promises and what it must not know", room)
		}
		if slices.Contains([]string{"util", "utils", "common", "helpers", "types", "misc", "base"}, name) {
			t.Errorf("%s is named %s: a room is named by what it holds, or everything ends up in it", room, name)
		}
	}
}

var reservedName = regexp.MustCompile(`(?i)^x-(selected-model|vsr-[a-z-]*)$`)

// H1: the names that a client must not set stand in one file, so that the list of
// what is stripped can't fall behind the list of what is set.
func TestReservedHeaderNamesStandInOneFile(t *testing.T) {
	found := 0
	for _, s := range parse(t) {
		if s.test || outside(s.room) {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			lit, ok := n.(*ast.BasicLit)
			if !ok || lit.Kind != token.STRING {
				return true
			}
			if text, _ := strconv.Unquote(lit.Value); reservedName.MatchString(text) {
				found++
				if s.name != "router/headers.go" {
					t.Errorf("%s spells %s: the reserved names stand in router/headers.go alone (H1)", files.Position(lit.Pos()), text)
				}
			}
			return true
		})
	}
	if found < 10 {
		t.Errorf("found %d reserved names: has router/headers.go moved?", found)
	}
}

// Rooms are built by constructors and hold what they are given: nothing happens
// on import, and nothing is shared behind the caller's back.
func TestNoInitAndNoMutableGlobals(t *testing.T) {
	sources := parse(t)
	globals := map[string]map[string]bool{} // by room
	specs := map[any]bool{}
	for _, s := range sources {
		if globals[s.room] == nil {
			globals[s.room] = map[string]bool{}
		}
		for _, d := range s.file.Decls {
			if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.VAR && !s.test {
				for _, spec := range g.Specs {
					specs[spec] = true
					for _, name := range spec.(*ast.ValueSpec).Names {
						globals[s.room][name.Name] = true
					}
				}
			}
		}
	}
	for _, s := range sources {
		if s.test {
			continue
		}
		for _, d := range s.file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
				t.Errorf("%s: init() runs for everybody who imports %s; make it part of a constructor", files.Position(f.Pos()), s.room)
			}
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			var changed []ast.Expr
			switch n := n.(type) {
			case *ast.AssignStmt:
				if n.Tok != token.DEFINE {
					changed = n.Lhs
				}
			case *ast.IncDecStmt:
				changed = []ast.Expr{n.X}
			}
			for _, x := range changed {
				if name := root(x); name != nil && name.Name != "_" && globals[s.room][name.Name] && (name.Obj == nil || specs[name.Obj.Decl]) {
					t.Errorf("%s: the package's variable %s is changed; two of anything in one process, as in each test, would share it", files.Position(n.Pos()), name.Name)
				}
			}
			return true
		})
	}
}

// root is the identifier that an assignment to x changes. The parser resolves it
// within its file, and names of the package's other files not at all.
func root(x ast.Expr) *ast.Ident {
	for {
		switch e := x.(type) {
		case *ast.Ident:
			return e
		case *ast.IndexExpr:
			x = e.X
		case *ast.SelectorExpr:
			x = e.X
		case *ast.StarExpr:
			x = e.X
		case *ast.ParenExpr:
			x = e.X
		default:
			return nil
		}
	}
}

// What reaches for the process's own client, server or logger has no deadline, no
// bound, and no owner.
func TestNoDefaultsOfTheProcess(t *testing.T) {
	const why = "it is shared by the whole process: no deadline, the environment's proxy, anybody's handlers"
	reached := map[string][]string{
		"http": {"DefaultClient", "DefaultTransport", "DefaultServeMux", "Get", "Post", "PostForm", "Head", "Handle", "HandleFunc", "ListenAndServe", "ListenAndServeTLS"},
		"slog": {"Default", "SetDefault", "Debug", "Info", "Warn", "Error", "Log"},
		"flag": {"Parse", "String", "Int", "Bool"},
	}
	for _, s := range parse(t) {
		if s.test || outside(s.room) {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			if sel, ok := n.(*ast.SelectorExpr); ok {
				if pkg, ok := sel.X.(*ast.Ident); ok && pkg.Obj == nil && slices.Contains(reached[pkg.Name], sel.Sel.Name) {
					t.Errorf("%s: %s.%s: %s", files.Position(n.Pos()), pkg.Name, sel.Sel.Name, why)
				}
			}
			return true
		})
	}
}
