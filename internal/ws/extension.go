package ws

import (
	"net/http"
	"strconv"
	"strings"
)

// extension is permessage-deflate as we speak it: each message for itself, so
// that it is compressed once for everybody, and nothing is kept in between.
const extension = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"

// acceptDeflate picks the first offer of permessage-deflate that can be met, and
// gives the answer to it, or "".
func acceptDeflate(h http.Header) string {
	for _, offer := range extensions(h) {
		if offer.name != "permessage-deflate" {
			continue
		}
		if answer, ok := offer.accept(); ok {
			return answer
		}
	}
	return ""
}

func (e offered) accept() (answer string, ok bool) {
	answer = extension
	for name, value := range e.params {
		bits := windowBits(value)
		switch {
		case (name == "server_no_context_takeover" || name == "client_no_context_takeover") && value == "":
		case name == "client_max_window_bits" && (value == "" || bits > 0):
			// Permission to ask for less, which nobody needs.
		case name == "server_max_window_bits" && bits == 15:
			answer += "; server_max_window_bits=15"
		default:
			return "", false
		}
	}
	return answer, e.valid
}

// agreedDeflate reads a server's answer to our offer.
func agreedDeflate(h http.Header) (agreed, ok bool) {
	all := extensions(h)
	if len(all) == 0 {
		return false, true
	}
	e := all[0]
	_, mute := e.params["server_no_context_takeover"]
	for name, value := range e.params {
		switch {
		case (name == "server_no_context_takeover" || name == "client_no_context_takeover") && value == "":
		case name == "server_max_window_bits" && windowBits(value) > 0:
		default:
			return false, false
		}
	}
	return true, len(all) == 1 && e.valid && mute && e.name == "permessage-deflate"
}

// windowBits reads 8 to 15; anything else is 0.
func windowBits(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil || n < 8 || n > 15 || strconv.Itoa(n) != s {
		return 0
	}
	return n
}

// offered is one extension of a Sec-WebSocket-Extensions header.
type offered struct {
	name   string
	params map[string]string
	valid  bool
}

// extensions reads all headers of the name.
func extensions(h http.Header) (all []offered) {
	for _, line := range h.Values("Sec-Websocket-Extensions") {
		for _, part := range splitOutside(line, ',') {
			if strings.TrimSpace(part) != "" {
				all = append(all, parseExtension(part))
			}
		}
	}
	return all
}

func parseExtension(s string) offered {
	parts := splitOutside(s, ';')
	e := offered{name: strings.ToLower(strings.TrimSpace(parts[0])), params: map[string]string{}, valid: true}
	for _, part := range parts[1:] {
		name, value, has := strings.Cut(part, "=")
		name, value = strings.ToLower(strings.TrimSpace(name)), unquote(strings.TrimSpace(value))
		_, twice := e.params[name]
		if name == "" || twice || has && value == "" {
			e.valid = false
		}
		e.params[name] = value
	}
	return e
}

func unquote(s string) string {
	if len(s) >= 2 && s[0] == '"' && s[len(s)-1] == '"' {
		return strings.ReplaceAll(s[1:len(s)-1], `\`, "")
	}
	return s
}

// splitOutside splits at separators that are not in quotes.
func splitOutside(s string, sep byte) (parts []string) {
	quoted, start := false, 0
	for i := range len(s) {
		switch {
		case s[i] == '"':
			quoted = !quoted
		case s[i] == sep && !quoted:
			parts = append(parts, s[start:i])
			start = i + 1
		}
	}
	return append(parts, s[start:])
}
