package hub

import "strings"

// Entry is a published classifier with a short name.
type Entry struct {
	// Name is the short name.
	Name string
	// Head is what it answers.
	Head string
	// Repo and File say where it is.
	Repo, File string
	// Revision is the commit, or empty where none is known to us.
	Revision string
	// Pins are known SHA-256 of files at Revision.
	Pins map[string]string
	// About says what it is, Unchecked what we could not see for ourselves.
	About, Unchecked string
}

// What vLLM Semantic Router's own sources (Apache-2.0) say of its classifiers, as
// of late 2026: pkg/config/registry.go names repositories and revisions, the
// model runtime's registry the hashes of the Vela files, and the tests of its
// ONNX binding and the export scripts the path onnx/model.onnx. None of it was
// seen on Hugging Face itself: a hash that isn't in those sources isn't here.
const (
	seenInSources = "repository and revision are from vLLM Semantic Router's sources; the ONNX file's name and hash are not known"
	noRevision    = "repository and file are from vLLM Semantic Router's sources; it pins no revision, so give one"

	// The three Vela classifiers have one tokenizer.
	velaTokenizer       = "609d8f4c067cd3950f88594c5a802616cea245823836ef5848ee4fc40aab5b6f"
	velaTokenizerConfig = "74a259bb1a3811a7e3028adcd07a65765d866d5e66e0e883f0994ccfa67e8455"
)

// Catalogue lists vLLM Semantic Router's published classifiers that have ONNX
// files.
func Catalogue() []Entry {
	vela := func(config string) map[string]string {
		return map[string]string{
			"config.json": config, "tokenizer.json": velaTokenizer, "tokenizer_config.json": velaTokenizerConfig,
		}
	}
	return []Entry{
		{
			Name: "mmbert32k-intent", Head: "domain", Repo: "vllm-sr/mmbert32k-intent-classifier-merged", File: DefaultFile,
			About: "14 MMLU-Pro subjects; mmBERT, 307M parameters, multilingual", Unchecked: noRevision,
		},
		{
			Name: "mmbert32k-jailbreak", Head: "jailbreak", Repo: "vllm-sr/mmbert32k-jailbreak-detector-merged", File: DefaultFile,
			About: "benign or jailbreak; mmBERT, 307M parameters, multilingual", Unchecked: noRevision,
		},
		{
			Name: "mmbert32k-pii", Head: "pii", Repo: "vllm-sr/mmbert32k-pii-detector-merged", File: DefaultFile,
			About: "17 types of personal data; mmBERT, 307M parameters, multilingual", Unchecked: noRevision,
		},
		{
			Name: "vela-domain", Head: "domain", Repo: "vllm-sr/Vela-1.0-Encoder-307M-Domain", File: DefaultFile,
			Revision:  "f6354f54adcf38770f635ad903be2b00577f6c11",
			Pins:      vela("2741d5ac33b7c56fd3c716e6b434e4616d6f0d943b9f0634fbf3bb1e7dd8cafd"),
			About:     "14 MMLU-Pro subjects; ModernBERT, 307M parameters, multilingual",
			Unchecked: seenInSources,
		},
		{
			Name: "vela-guard", Head: "jailbreak", Repo: "vllm-sr/Vela-1.0-Encoder-307M-Guard", File: DefaultFile,
			Revision:  "087f9e401012df839c83717b746967ac7aebfa3e",
			Pins:      vela("fb5e4c914262269aa4c9d6f27901cd307ea802c985be4e02270af315f9ff2e17"),
			About:     "prompt injection and jailbreak; ModernBERT, 307M parameters, multilingual",
			Unchecked: seenInSources,
		},
		{
			Name: "vela-pii", Head: "pii", Repo: "vllm-sr/Vela-1.0-Encoder-307M-PII", File: DefaultFile,
			Revision:  "6d3300c4bd7975f30a664503f6c725cf1fbbad48",
			Pins:      vela("79eca4e6ab4563c983380ded17bbf66eae16c017b5a4df050de61bb8fb9c9855"),
			About:     "17 types of personal data; ModernBERT, 307M parameters, multilingual",
			Unchecked: seenInSources,
		},
	}
}

// Find is the entry of a short name, in any case.
func Find(name string) (Entry, bool) {
	for _, e := range Catalogue() {
		if strings.EqualFold(e.Name, name) {
			return e, true
		}
	}
	return Entry{}, false
}
