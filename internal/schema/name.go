package schema

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// How much of where a type comes from is in its name.
const (
	bareName    = iota
	packageName // the last part of the package's path, too
	pathName    // the whole path
	numbered
)

// baptize names the components. Types that would have the same name get their package's
// before it, all of them, so that the order in which they came makes no difference. A
// second component yields to a type that is called so.
func (b *Builder) baptize() {
	for _, c := range b.order {
		c.level = bareName
	}
	for again := true; again; {
		again = false
		for name, group := range b.groups() {
			again = b.part(name, group) || again
		}
	}
	b.count()
	for _, c := range b.order {
		if c.merged {
			c.name = b.components[direction{c.typ, false}].name
		}
	}
}

func (b *Builder) groups() map[string][]*component {
	groups := make(map[string][]*component)
	for _, c := range b.order {
		if c.merged {
			continue
		}
		c.name = nameOf(c.typ.PkgPath(), c.typ.Name(), min(c.level, pathName))
		if c.isSecond() {
			c.name += "Input"
		}
		groups[c.name] = append(groups[c.name], c)
	}
	return groups
}

// isSecond reports whether the component is a type as it is read, and there is another
// one for how it is written.
func (c *component) isSecond() bool {
	return c.in && c.builder.components[direction{c.typ, false}] != nil
}

// part moves to the next level who cannot have the name, and reports whether it did.
func (b *Builder) part(name string, group []*component) (moved bool) {
	reserved := b.isReserved(name)
	if len(group) < 2 && !reserved {
		return false
	}
	mixed := !reserved && slices.ContainsFunc(group, func(c *component) bool { return !c.isSecond() }) &&
		slices.ContainsFunc(group, (*component).isSecond)
	for _, c := range group {
		if c.level < numbered && !(mixed && !c.isSecond()) {
			c.level++
			moved = true
		}
	}
	return moved
}

// count tells apart by number what has the same name for all that.
func (b *Builder) count() {
	taken := make(map[string]bool)
	for _, c := range b.order {
		if !c.merged && c.level < numbered {
			taken[c.name] = true
		}
	}
	for _, c := range b.order {
		if c.merged || c.level < numbered {
			continue
		}
		name := c.name
		for n := 2; taken[c.name] || b.isReserved(c.name); n++ {
			c.name = name + strconv.Itoa(n)
		}
		taken[c.name] = true
	}
}

// isReserved also keeps TypeScript's Record, which the declarations use.
func (b *Builder) isReserved(name string) bool {
	return name == "Record" || slices.Contains(b.Reserved, name)
}

var words = regexp.MustCompile(`\[\]|\*|[^\[\]*,\s{};()"` + "`" + `]+`)

// nameOf makes a name of a Go type's: PageUser of Page[example.com/shop.User].
func nameOf(path, name string, level int) string {
	own, arguments, _ := strings.Cut(name, "[")
	var out strings.Builder
	out.WriteString(placed(path, own, level))
	for _, word := range words.FindAllString(strings.TrimSuffix(arguments, "]"), -1) {
		switch word {
		case "[]":
			out.WriteString("List")
		case "*":
			out.WriteString("Pointer")
		default:
			cut := strings.LastIndex(word, ".")
			argument, _, _ := strings.Cut(word[cut+1:], "·")
			out.WriteString(placed(word[:max(cut, 0)], argument, level))
		}
	}
	return out.String()
}

// placed puts before a name as much of its package's path as the level wants.
func placed(path, name string, level int) string {
	switch level {
	case bareName:
		return camel(name)
	case packageName:
		path = path[strings.LastIndex(path, "/")+1:]
	}
	return camel(strings.ReplaceAll(path, "_", "-")) + camel(name)
}

// camel joins what is between other signs than letters and digits, each part with a
// capital.
func camel(s string) string {
	var out strings.Builder
	up := true
	for _, r := range s {
		switch {
		case r == '_' || r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r)):
			if up {
				r = unicode.ToUpper(r)
			}
			out.WriteRune(r)
			up = false
		case unicode.IsLetter(r):
			out.WriteByte('_') // a component's name is ASCII
			up = false
		default:
			up = true
		}
	}
	return out.String()
}
