package presence

import (
	"encoding/json"
	"unicode/utf8"
)

// appendEntries appends the JSON object that has, for each key, its metas and its fields. It
// sorts the presences.
func appendEntries(dst []byte, ps []*presence, fields map[string][]byte) []byte {
	byKey(ps)
	size := 2
	for _, p := range ps {
		size += len(p.key) + len(p.meta) + len(fields[p.key]) + 80
	}
	if dst == nil {
		dst = make([]byte, 0, size)
	}
	dst = append(dst, '{')
	for i, p := range ps {
		if i == 0 || ps[i-1].key != p.key {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = appendString(dst, p.key)
			dst = append(dst, `:{"metas":[`...)
		} else {
			dst = append(dst, ',')
		}
		dst = p.appendMeta(dst)
		if i == len(ps)-1 || ps[i+1].key != p.key {
			dst = append(dst, ']')
			if f := fields[p.key]; len(f) > len("{}") {
				dst = append(dst, ',')
				dst = append(dst, f[1:]...)
			} else {
				dst = append(dst, '}')
			}
		}
	}
	return append(dst, '}')
}

func (p *presence) appendMeta(dst []byte) []byte {
	if dst = append(dst, p.meta[:len(p.meta)-1]...); len(p.meta) > len("{}") {
		dst = append(dst, ',')
	}
	dst = append(dst, `"phx_ref":"`...)
	dst = p.appendRef(dst, p.clock)
	if p.prev != 0 {
		dst = append(dst, `","phx_ref_prev":"`...)
		dst = p.appendRef(dst, p.prev)
	}
	return append(dst, `"}`...)
}

// appendString appends a text as JSON.
func appendString(dst []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			text, err := json.Marshal(s)
			if err != nil { // a string always can be encoded
				panic(err)
			}
			return append(dst, text...)
		}
	}
	dst = append(dst, '"')
	dst = append(dst, s...)
	return append(dst, '"')
}

// encode gives the payload of presence_diff.
func (c *cut) encode(fields map[string][]byte) []byte {
	size := 24
	for _, ps := range [][]*presence{c.joins, c.leaves} {
		for _, p := range ps {
			size += len(p.key) + len(p.meta) + len(fields[p.key]) + 80
		}
	}
	dst := append(make([]byte, 0, size), `{"joins":`...)
	dst = appendEntries(dst, c.joins, fields)
	dst = append(dst, `,"leaves":`...)
	dst = appendEntries(dst, c.leaves, fields)
	return append(dst, '}')
}
