package channel

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/bennu-go/bennu/internal/schema"
	"github.com/bennu-go/bennu/process"
)

// TypeScript serves the types of a socket's topics, events and payloads, made from their
// Go types, for the client in client/js:
//
//	router.Handle("GET /socket.d.ts", channel.TypeScript(socket))
//
//	import type { Topics } from "./socket";
//	const socket = new Socket<Topics>("/socket");
//
// It has what the handlers take and answer, and the events that [Emits] and [Intercept]
// name. It panics where a type cannot be JSON.
func TypeScript(s *Socket) http.Handler {
	text := typeScript(s.Channels)
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = w.Write(text)
	})
}

func typeScript(channels []Channel) []byte {
	var types schema.Builder
	var topics bytes.Buffer
	topics.WriteString("export interface Topics {\n")
	for _, c := range channels {
		describe(&topics, &types, c)
	}
	topics.WriteString("}\n")
	var out bytes.Buffer
	out.WriteString("// The topics of the socket. Made from its channels: do not edit.\n\n")
	_ = types.TypeScript(&out) // a buffer does not fail
	if len(types.Components()) > 0 {
		out.WriteString("\n")
	}
	out.Write(topics.Bytes())
	return out.Bytes()
}

// describe writes what is said on the topics of a channel.
func describe(out *bytes.Buffer, types *schema.Builder, c Channel) {
	o := c.options()
	fmt.Fprintf(out, "  %s: {\n", topicKey(c.pattern()))
	fmt.Fprintf(out, "    params: %s;\n", inType(types, o.params, 4))
	fmt.Fprintf(out, "    reply: %s;\n", outType(types, o.reply, 4))
	out.WriteString("    in: {\n")
	for _, h := range sorted(o.handled, func(h handled) string { return h.event }) {
		reply := "void"
		if !h.silent {
			reply = outType(types, h.out, 6)
		}
		fmt.Fprintf(out, "      %s: { payload: %s; reply: %s };\n", quoted(h.event), inType(types, h.in, 6), reply)
	}
	out.WriteString("    };\n    out: {\n")
	told := slices.CompactFunc(sorted(o.emits, func(e emitted) string { return e.event }), func(a, b emitted) bool { return a.event == b.event })
	for _, e := range told {
		fmt.Fprintf(out, "      %s: %s;\n", quoted(e.event), outType(types, e.payload, 6))
	}
	out.WriteString("    };\n")
	if o.presence != nil {
		fmt.Fprintf(out, "    presence: %s;\n", outType(types, o.presence.MetaType(), 4))
	}
	out.WriteString("  };\n")
}

func sorted[T any](list []T, name func(T) string) []T {
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b T) int { return cmp.Compare(name(a), name(b)) })
	return list
}

// topicKey is a pattern as a key of an interface.
func topicKey(pattern string) string {
	prefix, star := strings.CutSuffix(pattern, "*")
	switch {
	case !star:
		return quoted(pattern)
	case prefix == "":
		return "[topic: string]"
	}
	return "[topic: `" + strings.NewReplacer("\\", "\\\\", "`", "\\`", "$", "\\$").Replace(prefix) + "${string}`]"
}

func quoted(text string) string {
	b, _ := json.Marshal(text) // text can be encoded
	return string(b)
}

func inType(types *schema.Builder, t reflect.Type, indent int) string {
	return typeOf(t, "ArrayBuffer | Uint8Array", types.In, indent)
}

func outType(types *schema.Builder, t reflect.Type, indent int) string {
	return typeOf(t, "ArrayBuffer", types.Out, indent)
}

// typeOf is a Go type in TypeScript; nil is none.
func typeOf(t reflect.Type, binary string, of func(reflect.Type) *schema.Schema, indent int) string {
	switch t {
	case nil, reflect.TypeFor[process.None]():
		return "Record<string, never>"
	case reflect.TypeFor[Binary]():
		return binary
	case reflect.TypeFor[json.RawMessage]():
		return "unknown"
	}
	return strings.ReplaceAll(of(t).TypeScript(), "\n", "\n"+strings.Repeat(" ", indent))
}
