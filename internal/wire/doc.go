// Package wire is the frames of Phoenix channels, versions 1 and 2, as bytes: reading and
// writing them, for servers and for clients. It knows no connection and keeps no state.
//
//	m, err := wire.DecodeText(wire.V2, frame) // ["1","7","room:1","post",{"text":"hi"}]
//	…
//	out = wire.AppendReply(out, wire.V2, m.JoinRef, m.Ref, "room:1", "ok", response, nil)
//
// What is decoded are views into the frame: they hold as long as the frame does. Only a
// text with escapes is copied. What is encoded is appended.
//
// # Frames of text
//
// A frame is checked wholly: it is valid UTF-8 and valid JSON, with containers in
// containers up to 512 deep, the frame's own included. A ref is a string or null, a topic
// and an event are strings, and none is longer than 255 bytes, since they would not fit a
// binary frame. The payload can be any JSON. What follows the elements that are known, or
// stands in fields that are not, is ignored.
//
// # The sixth element
//
// A frame of version 2 may have a sixth element, an object, which Phoenix ignores; in
// version 1 it is the field "meta". A client's join says {} or from where to resume, and
// a push may have an id; a server's reply to a join says where the topic stands, and a
// broadcast that is kept has its offset. A sixth element that is no object is ignored.
//
// # Errors
//
// All are of kind fault.Invalid and say what is wrong. Nothing that is decoded panics.
package wire
