package proxy

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"

	"github.com/vsr-proxy/vsr-proxy/chat"
	"github.com/vsr-proxy/vsr-proxy/config"
)

// admit checks the headers and the key and waits for a place. The caller owes
// leave, which is nil together with a refusal.
func (x *call) admit() (leave func(), refusal *chat.Error) {
	if refusal := x.CheckFields(x.r.Header); refusal != nil {
		return nil, refusal
	}
	if !authorized(x.r.Header, x.Gen.Config.Server.APIKeys) {
		return nil, chat.Unauthorized()
	}
	return x.Enter(x.ctx)
}

// authorized compares the bearer token with every key in constant time, by
// their SHA-256. Without keys everyone may call; two Authorization headers are
// one too many.
func authorized(h http.Header, keys []config.ClientKey) bool {
	if len(keys) == 0 {
		return true
	}
	given := h["Authorization"]
	if len(given) != 1 {
		return false
	}
	scheme, token, _ := strings.Cut(given[0], " ")
	digest := sha256.Sum256([]byte(token))
	match := 0
	for _, k := range keys {
		want := k.Digest()
		match |= subtle.ConstantTimeCompare(digest[:], want[:])
	}
	return match == 1 && strings.EqualFold(scheme, "Bearer")
}
