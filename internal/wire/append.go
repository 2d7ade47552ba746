package wire

import "unicode/utf8"

// AppendPush appends a message that is no reply, to one client or, if joinRef and ref are
// nil, to many. The payload and the meta are JSON; nil stands for {} and for no meta. A
// frame of V1 has no join_ref.
func AppendPush(dst []byte, v Version, joinRef, ref []byte, topic, event string, payload, meta []byte) []byte {
	dst = head(dst, v, joinRef, ref, topic, event)
	return tail(appendJSON(dst, payload), v, ref, meta)
}

// AppendReply appends the reply to the message with this ref.
func AppendReply(dst []byte, v Version, joinRef, ref []byte, topic, status string, response, meta []byte) []byte {
	dst = head(dst, v, joinRef, ref, topic, reply)
	dst = appendText(append(dst, `{"status":`...), status)
	dst = appendJSON(append(dst, `,"response":`...), response)
	return tail(append(dst, '}'), v, ref, meta)
}

// AppendClientPush appends a message of a client, of version 2.
func AppendClientPush(dst []byte, joinRef, ref []byte, topic, event string, payload, meta []byte) []byte {
	return AppendPush(dst, V2, joinRef, ref, topic, event, payload, meta)
}

// head appends what comes before the payload.
func head(dst []byte, v Version, joinRef, ref []byte, topic, event string) []byte {
	if v == V1 {
		dst = appendText(append(dst, `{"topic":`...), topic)
		dst = appendText(append(dst, `,"event":`...), event)
		return append(dst, `,"payload":`...)
	}
	dst = append(appendRef(append(dst, '['), joinRef), ',')
	dst = append(appendRef(dst, ref), ',')
	dst = append(appendText(dst, topic), ',')
	return append(appendText(dst, event), ',')
}

// tail appends what comes after the payload.
func tail(dst []byte, v Version, ref, meta []byte) []byte {
	if v == V1 {
		dst = appendRef(append(dst, `,"ref":`...), ref)
		if meta != nil {
			dst = append(append(dst, `,"meta":`...), meta...)
		}
		return append(dst, '}')
	}
	if meta != nil {
		dst = append(append(dst, ','), meta...)
	}
	return append(dst, ']')
}

func appendRef(dst, ref []byte) []byte {
	if ref == nil {
		return append(dst, "null"...)
	}
	return appendText(dst, ref)
}

func appendJSON(dst, value []byte) []byte {
	if value == nil {
		return append(dst, "{}"...)
	}
	return append(dst, value...)
}

// appendText appends a text as JSON. What is not UTF-8 becomes U+FFFD.
func appendText[T string | []byte](dst []byte, text T) []byte {
	dst = append(dst, '"')
	for i := range len(text) {
		if c := text[i]; c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			return append(escaped(append(dst, text[:i]...), string(text[i:])), '"')
		}
	}
	return append(append(dst, text...), '"')
}

func escaped(dst []byte, text string) []byte {
	const hex = "0123456789abcdef"
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r < ' ':
			dst = append(dst, '\\', 'u', '0', '0', hex[r>>4], hex[r&15])
		default:
			dst = utf8.AppendRune(dst, r)
		}
	}
	return dst
}
