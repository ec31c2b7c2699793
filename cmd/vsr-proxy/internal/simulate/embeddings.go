package simulate

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"strings"

	openai "github.com/sashabaranov/go-openai"
)

const (
	defaultDimensions = 384
	maxDimensions     = 4096
)

type embeddingRequest struct {
	Model          string
	Input          prompts
	Dimensions     int
	EncodingFormat string `json:"encoding_format"`
}

func (q *embeddingRequest) modelName() string { return q.Model }

func (b *backend) embeddings(w http.ResponseWriter, _ *http.Request, body []byte) {
	var q embeddingRequest
	if !b.decode(w, body, &q) {
		return
	}
	if len(q.Input.texts) == 0 {
		writeError(w, http.StatusBadRequest, "invalid_request_error", "", "input", "you must provide an input")
		return
	}
	if q.Dimensions == 0 {
		q.Dimensions = defaultDimensions
	}
	if q.Dimensions < 1 || q.Dimensions > maxDimensions {
		writeError(w, http.StatusBadRequest, "invalid_request_error", "", "dimensions", fmt.Sprintf("dimensions must be within 1..%d", maxDimensions))
		return
	}
	data, words := make([]any, 0, len(q.Input.texts)), q.Input.ids
	for i, text := range q.Input.texts {
		words += len(strings.Fields(text))
		var embedding any = unitVector(text, q.Dimensions)
		if q.EncodingFormat == string(openai.EmbeddingEncodingFormatBase64) {
			embedding = encode(unitVector(text, q.Dimensions))
		}
		data = append(data, map[string]any{"object": "embedding", "index": i, "embedding": embedding})
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"object": "list", "data": data, "model": b.name,
		"usage": map[string]int{"prompt_tokens": words, "total_tokens": words},
	})
}

// unitVector returns a vector of length 1 in a direction that the text's SHA-256 decides: the same for the same text,
// and about orthogonal to that of any other.
func unitVector(text string, dimensions int) []float32 {
	random := rand.New(rand.NewChaCha8(sha256.Sum256([]byte(text))))
	out, squares := make([]float32, dimensions), 0.0
	for i := range out {
		x := random.NormFloat64() // normal coordinates make every direction equally likely
		out[i], squares = float32(x), squares+x*x
	}
	for i := range out {
		out[i] /= float32(math.Sqrt(squares))
	}
	return out
}

// encode is OpenAI's base64 form: little-endian float32.
func encode(v []float32) string {
	raw := make([]byte, 0, 4*len(v))
	for _, x := range v {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(x))
	}
	return base64.StdEncoding.EncodeToString(raw)
}
