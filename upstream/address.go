package upstream

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"syscall"
)

// errForbidden marks an address that is refused unless AllowLinkLocal is set.
var errForbidden = errors.New("link-local and cloud metadata addresses are refused")

// metadataHosts and metadataAddrs serve credentials to whoever asks from inside
// a cloud machine. Most providers use 169.254.169.254, which is link-local; these
// are the ones outside of it: AWS over IPv6, Alibaba, Oracle, Azure's wire server.
var (
	metadataHosts = []string{"metadata", "metadata.google.internal", "metadata.goog", "instance-data"}
	metadataAddrs = []netip.Addr{
		netip.MustParseAddr("fd00:ec2::254"),
		netip.MustParseAddr("100.100.100.200"),
		netip.MustParseAddr("192.0.0.192"),
		netip.MustParseAddr("168.63.129.16"),
	}
)

func forbiddenAddr(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	return a.IsLinkLocalUnicast() || slices.Contains(metadataAddrs, a)
}

// refuseForbidden is a net.Dialer control function. It sees the address after
// name resolution, so that neither a name nor an odd spelling of a number leads
// to a forbidden one.
func refuseForbidden(_, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("parse dialled address: %w", err)
	}
	if forbiddenAddr(ap.Addr()) {
		return errForbidden
	}
	return nil
}

// checkBase says what is wrong with a base URL, if anything. It never repeats
// the URL: a wrong one may hold a password.
func checkBase(u *url.URL, allowLinkLocal bool) error {
	switch {
	case u == nil:
		return errors.New("base URL is missing")
	case u.Scheme != "http" && u.Scheme != "https":
		return errors.New("base URL: scheme must be http or https")
	case u.Opaque != "" || u.Hostname() == "":
		return errors.New("base URL: host is missing")
	case u.User != nil:
		return errors.New("base URL: must not hold a user or password")
	case u.RawQuery != "" || u.ForceQuery:
		return errors.New("base URL: must not hold a query")
	case u.Fragment != "" || u.RawFragment != "":
		return errors.New("base URL: must not hold a fragment")
	}
	if p := strings.TrimSuffix(u.EscapedPath(), "/"); p != "" && !plainPath(p) {
		return errors.New("base URL: path must be plain, without empty segments, dots, escapes")
	}
	if allowLinkLocal {
		return nil
	}
	host := strings.ToLower(strings.TrimSuffix(u.Hostname(), "."))
	if slices.Contains(metadataHosts, host) {
		return fmt.Errorf("base URL: %w", errForbidden)
	}
	if a, err := netip.ParseAddr(host); err == nil && forbiddenAddr(a) {
		return fmt.Errorf("base URL: %w", errForbidden)
	}
	return nil
}

// plainPath reports whether p is an absolute path that every server reads the
// same way: unreserved characters, no empty segment, no "." or "..".
func plainPath(p string) bool {
	if !strings.HasPrefix(p, "/") {
		return false
	}
	for _, segment := range strings.Split(p[1:], "/") {
		if segment == "" || segment == "." || segment == ".." {
			return false
		}
	}
	return !strings.ContainsFunc(p, func(r rune) bool {
		letter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
		return !letter && !strings.ContainsRune("/-._~:@", r)
	})
}

// plainQuery reports whether q can stand in a request line as it is. An HTTP/2
// client can put a space into its :path, which over HTTP/1 would end the target.
func plainQuery(q string) bool {
	return !strings.ContainsFunc(q, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '#' })
}

// joinPath is the path of a request to an upstream.
//
// A base URL is what one would put into OPENAI_BASE_URL: if it has a path, that
// path stands in the place of /v1; if it has none, the call's path is used whole.
//
//	http://h                 + /v1/chat/completions = /v1/chat/completions
//	http://h/v1              + /v1/chat/completions = /v1/chat/completions
//	http://h/openai/v1       + /v1/chat/completions = /openai/v1/chat/completions
//	http://h/v1beta/openai   + /v1/chat/completions = /v1beta/openai/chat/completions
//	http://h/v1              + /rerank              = /v1/rerank
func joinPath(base, path string) string {
	base = strings.TrimSuffix(base, "/")
	if base == "" {
		return path
	}
	if rest, ok := strings.CutPrefix(path, "/v1/"); ok {
		return base + "/" + rest
	}
	return base + path
}

// hostPort is where u leads, with the port spelt out.
func hostPort(u *url.URL) string {
	if u.Port() != "" {
		return u.Host
	}
	port := "80"
	if u.Scheme == "https" {
		port = "443"
	}
	return net.JoinHostPort(u.Hostname(), port)
}
