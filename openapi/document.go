package openapi

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"

	"github.com/bennu-go/bennu/internal/schema"
	"github.com/bennu-go/bennu/web"
)

// emptyNil is whether package web writes a nil slice within an answer as [].
const emptyNil = false

// Document is the description of an API. It does not change; any goroutine may use it.
type Document struct {
	info  Info
	types *schema.Builder
	calls []*call
	json  []byte
	ts    []byte
}

// Of describes the actions of a router that is wired. It panics if a type cannot be JSON,
// or Info is not complete.
func Of(router *web.Router, info Info) *Document {
	if info.Title == "" || info.Version == "" {
		panic("openapi: Info needs a Title and a Version")
	}
	d := &Document{info: info, types: &schema.Builder{
		Reserved: reserved,
		EmptyNil: emptyNil,
		Skip:     func(f reflect.StructField) bool { return source(f) != "" },
	}}
	for _, route := range router.Routes() {
		if route.Host != "" && route.Host != info.Host {
			continue
		}
		if c := d.call(route); !c.Hidden {
			d.calls = append(d.calls, c)
		}
	}
	identify(d.calls)
	d.json = encode(d.whole())
	d.ts = d.typeScript()
	return d
}

// JSON is the OpenAPI document, indented. The bytes are shared: do not change them.
func (d *Document) JSON() []byte { return d.json }

// TypeScript is the source of the types and the client. The bytes are shared: do not
// change them.
func (d *Document) TypeScript() []byte { return d.ts }

func encode(v any) []byte {
	out, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		panic(fmt.Sprintf("openapi: %v", err)) // an example tag that is no JSON
	}
	return append(out, '\n')
}

// whole is the OpenAPI Object.
func (d *Document) whole() *object {
	o := &object{
		OpenAPI: "3.1.0",
		Info:    about{d.info.Title, d.info.Version, d.info.Description},
		Servers: d.servers(),
		Tags:    d.tags(),
		Paths:   make(map[string]map[string]*operation),
	}
	shapes := make(map[string]*call) // the first of each shape names its parameters
	for _, c := range d.calls {
		first := shapes[c.shape()]
		if first == nil {
			first = c
			shapes[c.shape()] = c
			o.Paths[c.path] = make(map[string]*operation)
		}
		item := o.Paths[first.path]
		if method := lower(c.method); item[method] == nil {
			item[method] = c.operation(d.info.Security, first.wildcards)
		}
	}
	o.Components = components{Schemas: make(map[string]any)}
	for name, s := range d.types.Components() {
		o.Components.Schemas[name] = s
	}
	o.refuse()
	for _, s := range d.info.Security {
		if s.name != "" {
			o.Components.secure(s)
		}
	}
	return o
}

func (d *Document) servers() []Server {
	if len(d.info.Servers) == 0 && d.info.Host == "" {
		return []Server{{URL: "/"}}
	}
	return d.info.Servers
}

// tags are those that are in use, and those that Info has, first.
func (d *Document) tags() []Tag {
	tags := slices.Clone(d.info.Tags)
	for _, c := range d.calls {
		if !slices.ContainsFunc(tags, func(t Tag) bool { return t.Name == c.Tag }) {
			tags = append(tags, Tag{Name: c.Tag})
		}
	}
	return tags
}
