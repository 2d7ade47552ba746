package openapi

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/bennu-go/bennu/web"
)

var (
	version    = regexp.MustCompile(`^v[0-9]+$`)
	closure    = regexp.MustCompile(`^(func)?[0-9]+$`)
	identifier = regexp.MustCompile(`^[A-Za-z_$][A-Za-z0-9_$]*$`)
)

// tagOf is the first part of a path that tells something.
func tagOf(pattern string) string {
	for part := range strings.SplitSeq(pattern, "/") {
		if part != "" && part[0] != '{' && part != "api" && !version.MatchString(part) {
			return part
		}
	}
	return "root"
}

// function is the parts of a name like "example.com/units.(*Server).Show-fm". A function
// without a name has none.
func function(name string) (place, own string) {
	name = strings.TrimSuffix(name, "-fm")
	name = name[strings.LastIndex(name, "/")+1:]
	name, _, _ = strings.Cut(name, "[")
	parts := strings.Split(name, ".")
	if len(parts) < 2 || slices.ContainsFunc(parts[1:], closure.MatchString) {
		return "", ""
	}
	place = parts[0]
	if len(parts) > 2 {
		place = strings.Trim(parts[len(parts)-2], "(*)")
	}
	return place, parts[len(parts)-1]
}

// nameOf is the function behind a route.
func nameOf(r web.Route) string {
	if r.Action != nil {
		return r.Action.Name()
	}
	return r.Handler
}

// baseName is what a route is called, if nothing else is.
func baseName(r web.Route) string {
	if _, own := function(nameOf(r)); own != "" {
		return lowerCamel(own)
	}
	return pathName(r)
}

// pathName is a name like getUnitsById.
func pathName(r web.Route) string {
	method := lower(r.Method)
	if method == "" {
		method = "any"
	}
	var out strings.Builder
	out.WriteString(method)
	path, _ := template(r.Pattern)
	for part := range strings.SplitSeq(path, "/") {
		if name, ok := strings.CutPrefix(part, "{"); ok {
			out.WriteString("By")
			part = strings.TrimSuffix(name, "}")
		}
		out.WriteString(upperCamel(part))
	}
	return out.String()
}

// identify gives each call a name of its own. Of a function at several routes the first
// has its name, and the others get their method. Otherwise all that have the same name
// move on to a longer one, so that their order makes no difference.
func identify(calls []*call) {
	ladders := make(map[*call][]string)
	seen := make(map[string]bool)
	for _, c := range calls {
		if !identifier.MatchString(c.ID) {
			panic(fmt.Sprintf("openapi: %s %s: %q is no name for an operation: it needs letters, digits, _ and $", c.method, c.path, c.ID))
		}
		ladders[c] = ladder(c, seen[nameOf(c.route)])
		seen[nameOf(c.route)] = true
		c.ID = ladders[c][0]
	}
	for climb(calls, ladders) {
	}
	number(calls)
}

func ladder(c *call, again bool) []string {
	if c.fixed {
		return []string{c.ID}
	}
	place, own := function(nameOf(c.route))
	if own == "" {
		return []string{c.ID}
	}
	names := []string{c.ID, lowerCamel(place) + upperCamel(own)}
	if again {
		for i := range names {
			names[i] += upperCamel(lower(c.method))
		}
	}
	return append(names, pathName(c.route))
}

// climb takes those that share a name a step further, and reports whether any went.
func climb(calls []*call, ladders map[*call][]string) (moved bool) {
	byName := make(map[string][]*call)
	for _, c := range calls {
		byName[c.ID] = append(byName[c.ID], c)
	}
	for name, group := range byName {
		if len(group) < 2 && !slices.Contains(notMethods, name) {
			continue
		}
		for _, c := range group {
			if len(ladders[c]) > 1 {
				ladders[c] = ladders[c][1:]
				c.ID, moved = ladders[c][0], true
			}
		}
	}
	return moved
}

// notMethods are names that an object of JavaScript should not have.
var notMethods = []string{"then", "constructor", "__proto__"}

// number tells apart what is left, in the order of wiring.
func number(calls []*call) {
	taken := make(map[string]bool)
	for _, c := range calls {
		taken[c.ID] = taken[c.ID] || c.fixed
	}
	used := make(map[string]bool)
	for _, c := range calls {
		if c.fixed && used[c.ID] {
			panic(fmt.Sprintf("openapi: two operations are called %q", c.ID))
		}
		name := c.ID
		for n := 2; !c.fixed && (taken[c.ID] || used[c.ID] || slices.Contains(notMethods, c.ID)); n++ {
			c.ID = name + strconv.Itoa(n)
		}
		used[c.ID] = true
	}
}

// upperCamel joins the parts of a name, each with a capital.
func upperCamel(s string) string {
	var out strings.Builder
	up := true
	for _, r := range s {
		switch {
		case r >= unicode.MaxASCII, !unicode.IsLetter(r) && !unicode.IsDigit(r):
			up = true
		case up:
			out.WriteRune(unicode.ToUpper(r))
			up = false
		default:
			out.WriteRune(r)
		}
	}
	return out.String()
}

// lowerCamel makes showUnit of ShowUnit, and urlFor of URLFor.
func lowerCamel(s string) string {
	runes := []rune(upperCamel(s))
	for i, r := range runes {
		if !unicode.IsUpper(r) || i > 0 && i+1 < len(runes) && unicode.IsLower(runes[i+1]) {
			break
		}
		runes[i] = unicode.ToLower(r)
	}
	return string(runes)
}
