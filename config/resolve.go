package config

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/vsr-proxy/vsr-proxy/secret"
)

// maxKeyFile bounds a key file; a key is a line of text.
const maxKeyFile = 64 << 10

// resolve reads the keys that the tree names and makes relative paths relative
// to the configuration file's folder.
func (c *Config) resolve(folder string, found *problems) {
	for i := range c.Models {
		for j := range c.Models[i].Endpoints {
			c.Models[i].Endpoints[j].resolve(fmt.Sprintf("models[%d].endpoints[%d]", i, j), folder, found)
		}
	}
	c.Upstream.Gateway.resolve("upstream.gateway", folder, found)
	for i := range c.Server.APIKeys {
		c.Server.APIKeys[i].resolve(fmt.Sprintf("server.api_keys[%d]", i), folder, found)
	}
	c.ExtProc.TLS.resolve(folder)
	c.Classify.ModelDir = below(folder, c.Classify.ModelDir)
	for i := range c.Classify.Heads {
		c.Classify.Heads[i].ModelDir = below(folder, c.Classify.Heads[i].ModelDir)
	}
	c.Classify.Runtime.Path = below(folder, c.Classify.Runtime.Path)
}

func below(folder, path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(folder, path)
}

func (e *Endpoint) resolve(path, folder string, found *problems) {
	switch {
	case e.APIKeyEnv != "" && e.APIKeyFile != "":
		found.add(path, "api_key_env and api_key_file exclude each other")
	case e.APIKeyEnv != "":
		e.key = fromEnv(path+".api_key_env", e.APIKeyEnv, found)
	case e.APIKeyFile != "":
		e.APIKeyFile = below(folder, e.APIKeyFile)
		e.key = fromFile(path+".api_key_file", e.APIKeyFile, found)
	}
	if e.ForwardAuth && !e.key.IsZero() {
		found.add(path+".forward_auth", "excludes an API key of the endpoint's own")
	}
}

func (k *ClientKey) resolve(path, folder string, found *problems) {
	given := 0
	for _, s := range []string{k.Env, k.File, k.SHA256} {
		if s != "" {
			given++
		}
	}
	if given != 1 {
		found.add(path, "needs exactly one of env, file and sha256")
		return
	}
	if k.SHA256 != "" {
		raw, err := hex.DecodeString(k.SHA256)
		if err != nil || len(raw) != sha256.Size {
			found.add(path+".sha256", "not a SHA-256 in hexadecimal (64 digits)")
			return
		}
		k.digest = [32]byte(raw)
		return
	}
	var key secret.Secret
	if k.Env != "" {
		key = fromEnv(path+".env", k.Env, found)
	} else {
		k.File = below(folder, k.File)
		key = fromFile(path+".file", k.File, found)
	}
	k.digest = sha256.Sum256([]byte(key.Reveal()))
}

func fromEnv(path, name string, found *problems) secret.Secret {
	return usable(path, "environment variable "+name, os.Getenv(name), found)
}

func fromFile(path, file string, found *problems) secret.Secret {
	text, err := readKeyFile(file)
	if err != nil {
		found.add(path, "%v", err)
		return secret.Secret{}
	}
	return usable(path, "file "+file, string(text), found)
}

// readKeyFile goes by what it reads and not by the size that the file claims: a
// device claims none.
func readKeyFile(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxKeyFile+1))
	if err == nil && len(text) > maxKeyFile {
		err = fmt.Errorf("file %s is larger than %s", file, Bytes(maxKeyFile))
	}
	return text, err
}

// usable refuses a key that is empty or that can't stand in a header.
func usable(path, source, text string, found *problems) secret.Secret {
	text = strings.TrimSpace(text)
	switch {
	case text == "":
		found.add(path, "%s is empty or not set", source)
	case strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r >= 0x7f }):
		found.add(path, "%s holds a character that can't be part of a key", source)
	default:
		return secret.New(text)
	}
	return secret.Secret{}
}

// Files are the key files whose content is part of the configuration, so that a
// watcher can tell when one of them changes.
func (c *Config) Files() []string {
	var out []string
	keep := func(file string) {
		if file != "" {
			out = append(out, file)
		}
	}
	for _, m := range c.Models {
		for _, e := range m.Endpoints {
			keep(e.APIKeyFile)
		}
	}
	keep(c.Upstream.Gateway.APIKeyFile)
	for _, k := range c.Server.APIKeys {
		keep(k.File)
	}
	return out
}
