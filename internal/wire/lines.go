package wire

import (
	"bytes"
	"iter"
)

// Lines are the messages in the body of a long-polling request: each line that is not
// empty, and whether it is a text frame, which begins with [, or else a binary one in
// base64. Lines end in \n or \r\n. Neither the JSON nor the base64 is looked at.
func Lines(body []byte) iter.Seq2[[]byte, bool] {
	return func(yield func(line []byte, text bool) bool) {
		for line := range bytes.SplitSeq(body, []byte("\n")) {
			line = bytes.TrimSuffix(line, []byte("\r"))
			if len(line) > 0 && !yield(line, line[0] == '[') {
				return
			}
		}
	}
}
