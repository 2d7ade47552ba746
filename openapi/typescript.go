package openapi

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/bennu-go/bennu/internal/schema"
)

// runtime is what each client has, whatever its routes.
//
//go:embed client.ts
var runtime string

// reserved are the names of client.ts, and those that it uses.
var reserved = []string{
	"Client", "ClientOptions", "CallOptions", "Problem", "Details", "Input", "Output", "Route", "Partial",
	"Promise", "Error", "TypeError", "Response", "Request", "RequestInit", "RequestCredentials", "Headers", "HeadersInit",
	"AbortSignal", "URLSearchParams", "Array", "Object", "String", "JSON", "Parameters", "Awaited", "ReturnType", "Exclude",
}

const heading = `// The client of %s. Made from its routes: do not edit.

/* eslint-disable */
`

// typeScript is the types, the interface of the client, its table and the runtime.
func (d *Document) typeScript() []byte {
	var calls []*call
	for _, c := range d.calls {
		if c.isJSON() {
			calls = append(calls, c)
		}
	}
	slices.SortFunc(calls, func(a, b *call) int { return strings.Compare(a.ID, b.ID) })

	var out bytes.Buffer
	fmt.Fprintf(&out, heading, strings.Join(strings.Fields(d.info.Title), " "))
	out.WriteString("\n")
	_ = d.types.TypeScript(&out) // a buffer does not fail
	out.WriteString("\nexport interface Client {\n")
	for _, c := range calls {
		out.WriteString(indent(d.method(c)))
	}
	out.WriteString("}\n\nconst routes: { readonly [name in keyof Client]: Route } = {\n")
	for _, c := range calls {
		out.WriteString(indent(d.row(c)))
	}
	out.WriteString("};\n\n")
	out.WriteString(runtime)
	return out.Bytes()
}

func indent(text string) string {
	return "  " + strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n  ") + "\n"
}

// method is a call in the interface.
func (d *Document) method(c *call) string {
	lines := []string{c.method + " " + c.path}
	if c.Deprecated {
		lines = append(lines, "@deprecated")
	}
	for _, text := range []string{c.Description, c.Summary} {
		if text != "" {
			lines = slices.Insert(lines, 0, strings.Split(text, "\n")...)
		}
	}
	var out strings.Builder
	out.WriteString("/**\n")
	for _, line := range lines {
		out.WriteString(strings.TrimRight(" * "+strings.ReplaceAll(strings.TrimSpace(line), "*/", `*\/`), " ") + "\n")
	}
	out.WriteString(" */\n")
	input, optional := d.input(c)
	mark := ""
	if optional {
		mark = "?"
	}
	fmt.Fprintf(&out, "%s(input%s: %s, options?: CallOptions): Promise<%s>;\n", c.ID, mark, input, c.answer.typeScript())
	return out.String()
}

func (a answer) typeScript() string {
	switch {
	case a.schema == nil:
		return "void"
	case a.empty && a.schema.TypeScript() != "unknown":
		return a.schema.TypeScript() + " | undefined"
	}
	return a.schema.TypeScript()
}

// input is the type of what a call takes, all in one, and whether it may be left out. What
// comes from two places under one name is typed as it is in the body.
func (d *Document) input(c *call) (typ string, optional bool) {
	whole := &schema.Schema{Type: schema.Types{"object"}}
	inBody := d.bodyOf(c)
	for _, p := range c.params {
		if has(inBody, p.name) || has(whole.Properties, p.name) {
			continue
		}
		whole.Properties = append(whole.Properties, schema.Property{Name: p.name, Schema: p.schema})
		if p.required {
			whole.Required = append(whole.Required, p.name)
		}
	}
	if c.body != nil && c.body.Properties == nil { // it is a component, or no object
		if len(whole.Properties) == 0 {
			return c.body.TypeScript(), false
		}
		return whole.TypeScript() + " & " + c.body.TypeScript(), false
	}
	whole.Properties = append(whole.Properties, inBody...)
	if c.body != nil {
		whole.Required = append(whole.Required, c.body.Required...)
	}
	if len(whole.Properties) == 0 {
		return "Record<string, never>", true
	}
	return whole.TypeScript(), len(whole.Required) == 0
}

// bodyOf are the fields of a call's body.
func (d *Document) bodyOf(c *call) schema.Properties {
	if c.body == nil {
		return nil
	}
	if component := d.types.Components()[c.body.TypeScript()]; component != nil {
		return component.Properties
	}
	return c.body.Properties
}

func has(properties schema.Properties, name string) bool {
	return slices.ContainsFunc(properties, func(p schema.Property) bool { return p.Name == name })
}

// row is a call in the table that the runtime reads.
func (d *Document) row(c *call) string {
	path, _ := strings.CutSuffix(c.route.Pattern, "{$}")
	row := fmt.Sprintf("%s: { method: %q, path: %s", c.ID, c.method, literal(path))
	for _, source := range []string{"query", "header"} {
		var names []string
		for _, p := range c.params {
			if p.source == source {
				names = append(names, p.name)
			}
		}
		if names != nil {
			row += fmt.Sprintf(", %s: %s", source, literal(names))
		}
	}
	if c.body != nil {
		row += fmt.Sprintf(", body: %s", literal(d.elsewhere(c)))
	}
	return row + " },\n"
}

// elsewhere are the parts of the input that are not in the body. What is in the body and
// elsewhere under one name is sent in both.
func (d *Document) elsewhere(c *call) []string {
	names := []string{}
	for _, p := range c.params {
		if !has(d.bodyOf(c), p.name) {
			names = append(names, p.name)
		}
	}
	return names
}

// literal is a value as JSON, which JavaScript reads too.
func literal(v any) string {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(fmt.Sprintf("openapi: %v", err))
	}
	return strings.TrimSpace(out.String())
}
