// Package config holds what an operator may say: one typed tree with a default
// for every value, a strict loader and a validator.
//
// It promises that a tree returned by Load is complete and consistent: every
// name that one part uses is defined in another, every key file was read, every
// limit is in range. An unknown key, a duplicate, a wrong type or an impossible
// value is refused, all of them at once, each with its YAML path and line.
//
// It must not know how any value is used: it opens no socket and no model, and
// it imports no room but secret.
package config

import (
	"time"

	"github.com/vsr-proxy/vsr-proxy/secret"
)

// Config is the whole tree. Names of models, signals and decisions are values
// in lists and never map keys, because the loader folds the case of keys.
type Config struct {
	Server    Server    `mapstructure:"server"`
	ExtProc   ExtProc   `mapstructure:"extproc"`
	Admin     Admin     `mapstructure:"admin"`
	Classify  Classify  `mapstructure:"classify"`
	Upstream  Upstream  `mapstructure:"upstream"`
	Models    []Model   `mapstructure:"models"`
	Routing   Routing   `mapstructure:"routing"`
	Telemetry Telemetry `mapstructure:"telemetry"`
	Log       Log       `mapstructure:"log"`
}

// Server is the HTTP door that apps talk to.
type Server struct {
	// Enabled is false where apps only come through Envoy.
	Enabled bool `mapstructure:"enabled"`
	// Listen is the door's host:port; port 0 takes a free one.
	Listen string `mapstructure:"listen"`
	// Insecure allows a non-loopback Listen without any API key.
	Insecure bool `mapstructure:"insecure"`
	// APIKeys are the keys clients may present; none means no check.
	APIKeys []ClientKey `mapstructure:"api_keys"`
	Limits  Limits      `mapstructure:"limits"`
	// PreStopWait is how long the listener stays open, not ready, after SIGTERM.
	PreStopWait time.Duration `mapstructure:"pre_stop_wait"`
	// Drain bounds the wait for started requests at shutdown.
	Drain time.Duration `mapstructure:"drain"`
}

// ClientKey names one key that clients may present as a bearer token. Exactly
// one of Env, File and SHA256 says where it is.
type ClientKey struct {
	Name   string `mapstructure:"name"`
	Env    string `mapstructure:"env"`
	File   string `mapstructure:"file"`
	SHA256 string `mapstructure:"sha256"` // hex digest of the key

	digest [32]byte
}

// Digest is the SHA-256 of the key; the key itself is not kept.
func (k ClientKey) Digest() [32]byte { return k.digest }

// Limits bound one request and all of them together. Zero is never "unlimited":
// every limit is positive.
type Limits struct {
	HeaderBytes   Bytes         `mapstructure:"header_bytes"`
	HeaderFields  int           `mapstructure:"header_fields"`
	HeaderTimeout time.Duration `mapstructure:"header_timeout"`
	// BodyBytes is the largest request body.
	BodyBytes   Bytes         `mapstructure:"body_bytes"`
	BodyTimeout time.Duration `mapstructure:"body_timeout"`
	// BodyMemory bounds the sum of all request bodies held at one time.
	BodyMemory Bytes `mapstructure:"body_memory"`
	JSONDepth  int   `mapstructure:"json_depth"`
	Messages   int   `mapstructure:"messages"`
	// Concurrency bounds the requests in flight; Wait is how long one more may
	// wait for a place.
	Concurrency int           `mapstructure:"concurrency"`
	Wait        time.Duration `mapstructure:"wait"`
}

// Admin is the loopback door for operators.
type Admin struct {
	Listen string `mapstructure:"listen"`
	// Insecure allows a non-loopback Listen; the door has no login of its own.
	Insecure bool `mapstructure:"insecure"`
	// AllowedHosts are names, beside localhost and IP addresses, that the Host
	// header may carry.
	AllowedHosts []string `mapstructure:"allowed_hosts"`
	// BatchTexts bounds the texts of one request to classify a batch.
	BatchTexts int `mapstructure:"batch_texts"`
}

// Classify says which encoder runs, where, and within which bounds.
type Classify struct {
	// Accelerator is auto, cpu, cuda, tensorrt, openvino, coreml or directml.
	Accelerator string `mapstructure:"accelerator"`
	// AllowCPU lets a named accelerator that is missing fall back to the CPU.
	AllowCPU bool    `mapstructure:"allow_cpu"`
	Runtime  Runtime `mapstructure:"runtime"`
	// ModelDir is a folder with a model of the user's own; empty means the
	// embedded one.
	ModelDir string `mapstructure:"model_dir"`
	// Heads gives some heads a model of their own, instead of ModelDir's.
	Heads []HeadModel `mapstructure:"heads"`
	// Deadline bounds one classification: tokenising, waiting and running.
	Deadline   time.Duration `mapstructure:"deadline"`
	MaxWindows int           `mapstructure:"max_windows"`
	// Slots bounds concurrent encoder runs; 0 means one per processor.
	Slots   int `mapstructure:"slots"`
	Queue   int `mapstructure:"queue"`
	Threads int `mapstructure:"threads"` // of one run, inside the runtime
	// OnFailure is default (go on with the default model) or refuse (503).
	OnFailure string `mapstructure:"on_failure"`
	// OnUnread is what happens to a prompt of which only a part was read:
	// route (by that part), default or refuse.
	OnUnread string `mapstructure:"on_unread"`
	// OnGuardFailure is what happens to a request that a protecting decision could
	// not be made about, because there is no classification: refuse (503) or
	// allow (as if the decision did not match).
	OnGuardFailure string `mapstructure:"on_guard_failure"`
	// OnGuardUnread is the same where only a part of the text was read and
	// nothing was found in it.
	OnGuardUnread string `mapstructure:"on_guard_unread"`
}

// HeadModel is a folder with the model that answers for one head.
type HeadModel struct {
	Head     string `mapstructure:"head"`
	ModelDir string `mapstructure:"model_dir"`
}

// Runtime is the ONNX Runtime shared library.
type Runtime struct {
	Path string `mapstructure:"path"` // empty: looked for beside the binary
	// SHA256 is the expected digest; needed for a library that this version of
	// vsr-proxy doesn't know.
	SHA256 string `mapstructure:"sha256"`
}

// Upstream says how requests leave.
type Upstream struct {
	// Mode is direct (a pool of endpoints per model) or gateway (one URL that
	// routes by x-selected-model).
	Mode     string   `mapstructure:"mode"`
	Gateway  Endpoint `mapstructure:"gateway"`
	Timeouts Timeouts `mapstructure:"timeouts"`
	// AskUsage asks upstreams for a stream's token usage on behalf of clients
	// that did not ask, and takes the extra event out of the answer again.
	AskUsage bool `mapstructure:"ask_usage"`
	// AllowLinkLocal permits endpoints in 169.254.0.0/16 and fe80::/10.
	AllowLinkLocal bool `mapstructure:"allow_link_local"`
}

// Timeouts of one upstream exchange.
type Timeouts struct {
	Dial           time.Duration `mapstructure:"dial"`
	TLS            time.Duration `mapstructure:"tls"`
	ResponseHeader time.Duration `mapstructure:"response_header"`
	// Silence is the longest pause between two chunks of an answer.
	Silence time.Duration `mapstructure:"silence"`
	// Write is how long a client may take to accept one chunk.
	Write time.Duration `mapstructure:"write"`
}

// Model is a name that clients and decisions use.
type Model struct {
	Name    string   `mapstructure:"name"`
	Aliases []string `mapstructure:"aliases"`
	// UpstreamName is the name written into the body; empty means Name.
	UpstreamName string     `mapstructure:"upstream_name"`
	Endpoints    []Endpoint `mapstructure:"endpoints"`
	Pricing      Pricing    `mapstructure:"pricing"`
}

// Pricing is what a model's tokens cost; of zero prices nothing is counted.
type Pricing struct {
	Currency        string  `mapstructure:"currency"` // three capitals, as in ISO 4217; empty means USD
	PromptPer1M     float64 `mapstructure:"prompt_per_1m"`
	CompletionPer1M float64 `mapstructure:"completion_per_1m"`
}

// Cost is that of so many tokens, in units of the currency.
func (p Pricing) Cost(prompt, completion int) float64 {
	return (p.PromptPer1M*float64(prompt) + p.CompletionPer1M*float64(completion)) / 1e6
}

// Endpoint is one base URL, such as http://127.0.0.1:8000/v1.
type Endpoint struct {
	URL        string `mapstructure:"url"`
	APIKeyEnv  string `mapstructure:"api_key_env"`
	APIKeyFile string `mapstructure:"api_key_file"`
	// ForwardAuth sends the client's own Authorization on.
	ForwardAuth bool `mapstructure:"forward_auth"`
	Weight      int  `mapstructure:"weight"` // 0 means 1

	key secret.Secret
}

// Key is the resolved API key, empty where none is configured.
func (e Endpoint) Key() secret.Secret { return e.key }

// Routing turns labels into a model.
type Routing struct {
	// AutoModels are the model names that ask for routing.
	AutoModels []string `mapstructure:"auto_models"`
	// DefaultModel is used when no decision matches or classification fails.
	DefaultModel string `mapstructure:"default_model"`
	// UnknownModel is reject (404) or default.
	UnknownModel string `mapstructure:"unknown_model"`
	// Scope is the text that is classified: last_user, user or all.
	Scope     string     `mapstructure:"scope"`
	Signals   Signals    `mapstructure:"signals"`
	Decisions []Decision `mapstructure:"decisions"`
}

// Telemetry configures traces; metrics are always on the admin door.
type Telemetry struct {
	// OTLPEndpoint is host:port or a URL; empty switches traces off.
	OTLPEndpoint string `mapstructure:"otlp_endpoint"`
	// OTLPProtocol is grpc or http/protobuf.
	OTLPProtocol string  `mapstructure:"otlp_protocol"`
	OTLPInsecure bool    `mapstructure:"otlp_insecure"`
	SampleRatio  float64 `mapstructure:"sample_ratio"` // 0 to 1
	ServiceName  string  `mapstructure:"service_name"`
}

// Log says what is written to standard error.
type Log struct {
	Level  string `mapstructure:"level"`  // debug, info, warn or error
	Format string `mapstructure:"format"` // text or json
}
