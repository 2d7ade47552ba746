// Package schema makes JSON Schema 2020-12, as OpenAPI 3.1 uses it, and TypeScript of Go
// types. It follows encoding/json: what the schema of a type as it is written says, is
// true of what [encoding/json.Marshal] makes of its values, and what keeps to the schema
// of a type as it is read can be read into it, and passes the rules of its validate tags.
//
//	var b schema.Builder
//	in := b.In(reflect.TypeFor[SignUp]())     // {"$ref": "#/components/schemas/SignUp"}
//	out := b.Out(reflect.TypeFor[[]User]())   // {"type": "array", "items": {"$ref": …}}
//	out.TypeScript()                          // User[]
//	b.Components()                            // for the document
//	b.TypeScript(w)                           // export interface User { … }
//
// # In and out
//
// A type is read and written in different ways:
//
//	|                      | read                     | written                               |
//	|----------------------|--------------------------|---------------------------------------|
//	| a field is required  | if its rules say so      | without omitempty and omitzero        |
//	| a pointer            | null, unless required    | null, unless nil is left out          |
//	| a slice, a map       | not null                 | null, unless nil is left out          |
//	| its rules            | limits, patterns, enums  | nothing: nobody checks them           |
//	| methods that count   | UnmarshalJSON, -Text     | MarshalJSON, -Text                    |
//
// omitempty leaves out no struct, time or array, as in encoding/json. A field of a struct
// that is embedded by pointer may be missing. A slice or map that is itself what is
// written is not null: whoever writes it says [] and {}. With [Builder.EmptyNil] that goes
// for all slices and maps.
//
// A type that is both read and written, and not in the same way, has two components: User
// and UserInput. One that is only read keeps its name.
//
// # Types
//
//   - A struct, slice, map or array with a name, and an enum, is a component. Basic types
//     with a name, and structs without, are written where they are used.
//   - Components are named as their types: PageUser is of Page[User]. If two would have
//     the same name, both get their package's before it, and if need be the whole path.
//   - A type with a method Enum() []T of its values is an enum; it promises that it has no
//     others, not even the zero value.
//   - Text, such as of [encoding.TextMarshaler], is a string, and a [encoding/json.Marshaler]
//     is anything. So is, on its way out, a value whose marshaling methods have a pointer
//     receiver, unless it is behind a pointer or in a slice: elsewhere encoding/json
//     does not always find them.
//   - A [time.Time] is a date-time, a [time.Duration] an integer of nanoseconds, []byte is
//     base64, a [fault.Secret] a password that is write-only, an interface anything.
//
// The tag doc:"…" is a field's description, and example:"…" an example: JSON, unless
// the field is text. The doc tag of a field _ struct{} describes the whole struct.
//
// # Limits
//
// A character of the rules min, max and len is one that a reader sees, and in JSON Schema a code
// point: min=3 is a little too lenient there, and max=3 too strict for flags and families. Bytes
// are not limited, blank text is not told from other text, and a pattern that only Go understands
// is left out. The rules of a field with the option ",string" are too.
//
// What JSON cannot carry, as a channel, panics with "schema: …", unless the field is only
// read or left out when it is zero. Types that lead to themselves are references, and end.
//
// In TypeScript an int64 and an uint64 are numbers, and their fields say that such a one is exact
// up to 2^53; with ",string" they are strings. A value that can be anything is unknown.
package schema
