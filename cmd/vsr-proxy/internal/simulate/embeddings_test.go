package simulate

import (
	"math"
	"testing"

	openai "github.com/sashabaranov/go-openai"
)

func TestEmbeddingsAreUnitVectorsOfTheText(t *testing.T) {
	client, _ := serve(t, Options{})
	get := func(format openai.EmbeddingEncodingFormat) []openai.Embedding {
		resp, err := client.CreateEmbeddings(t.Context(), openai.EmbeddingRequestStrings{
			Model: "llama3-8b", Input: []string{"one", "two", "one"}, EncodingFormat: format, Dimensions: 256})
		if err != nil {
			t.Fatal(err)
		}
		return resp.Data
	}
	data := get(openai.EmbeddingEncodingFormatFloat)
	dot := func(a, b []float32) (sum float64) {
		for i := range a {
			sum += float64(a[i]) * float64(b[i])
		}
		return sum
	}
	if len(data) != 3 || len(data[0].Embedding) != 256 || data[2].Index != 2 {
		t.Fatalf("got %d embeddings", len(data))
	}
	if same := dot(data[0].Embedding, data[2].Embedding); math.Abs(same-1) > 1e-5 {
		t.Errorf("the same text has a dot product of %v with itself", same)
	}
	if other := dot(data[0].Embedding, data[1].Embedding); math.Abs(other) > 0.5 {
		t.Errorf("different texts have a dot product of %v", other)
	}
	coded := get(openai.EmbeddingEncodingFormatBase64)
	if dot(coded[1].Embedding, data[1].Embedding) < 0.99999 {
		t.Error("the base64 form is another vector")
	}
}
