package openapi

import (
	"fmt"
	"strings"
)

// Security says how a client shows who it is, below a path. Where several are for a path,
// those of the longest count; if they are for the same, each of them will do.
type Security struct {
	prefix string
	name   string // "" is none
	scheme scheme
}

// scheme is a Security Scheme Object.
type scheme struct {
	Type        string `json:"type"`
	Scheme      string `json:"scheme,omitempty"`
	In          string `json:"in,omitempty"`
	Name        string `json:"name,omitempty"`
	Description string `json:"description,omitempty"`
}

// Bearer is a token in the header Authorization, below prefix, as in "/api", or "/".
func Bearer(prefix string) Security {
	return security(prefix, "bearer", scheme{Type: "http", Scheme: "bearer"})
}

// Basic is a name and a password, as [web.BasicAuth] wants them.
func Basic(prefix string) Security {
	return security(prefix, "basic", scheme{Type: "http", Scheme: "basic"})
}

// Cookie is a cookie of that name, such as that of a session.
func Cookie(prefix, name string) Security {
	return security(prefix, "cookie", scheme{Type: "apiKey", In: "cookie", Name: name})
}

// Key is a secret in a header of that name, as in "X-Api-Key".
func Key(prefix, header string) Security {
	return security(prefix, "key", scheme{Type: "apiKey", In: "header", Name: header})
}

// Public is for everybody: an exception below the prefix of another one.
func Public(prefix string) Security { return security(prefix, "", scheme{}) }

func security(prefix, name string, s scheme) Security {
	if prefix == "" || prefix[0] != '/' {
		panic(fmt.Sprintf("openapi: the prefix %q of a security must begin with a slash", prefix))
	}
	if s.Type == "apiKey" && s.Name == "" {
		panic("openapi: a security without the name of its " + s.In)
	}
	if s.Type == "apiKey" {
		name += "-" + strings.ToLower(s.Name)
	}
	return Security{strings.TrimSuffix(prefix, "/"), name, s}
}

// covers reports whether a path is below the prefix.
func (s Security) covers(path string) bool {
	rest, ok := strings.CutPrefix(path, s.prefix)
	return ok && (rest == "" || rest[0] == '/')
}

// requirements are the alternatives that a path has.
func requirements(all []Security, path string) []map[string][]string {
	longest := -1
	for _, s := range all {
		if s.covers(path) {
			longest = max(longest, len(s.prefix))
		}
	}
	var found []map[string][]string
	for _, s := range all {
		if s.name != "" && len(s.prefix) == longest && s.covers(path) {
			found = append(found, map[string][]string{s.name: {}})
		}
	}
	return found
}
