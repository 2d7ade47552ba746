package wire

import (
	"strconv"

	"github.com/bennu-go/bennu/fault"
)

// Meta is the sixth element of a client's message.
type Meta struct {
	Present bool   // there is one: the client understands them
	Epoch   string // of a join: what it has seen last
	Offset  uint64
	Resumes bool   // there is an epoch
	ID      string // of a push that is to be executed once; up to 64 bytes
}

// longestID is how many bytes the id of a push may have.
const longestID = 64

// ReplyMeta is the sixth element of the reply to a join.
type ReplyMeta struct {
	Epoch        string // with History: where the topic stands
	Offset       uint64
	History      bool // the topic keeps some
	Asked        bool // the join had an epoch
	Recovered    bool // with Asked: what was missed follows
	ReconnectMS  int  // the longest time to wait before coming back; 0: nothing is said
	MessageBytes int  // the longest message that the client may send; 0: nothing is said
}

// Append appends the element as JSON.
func (m ReplyMeta) Append(dst []byte) []byte {
	dst = append(dst, '{')
	from := len(dst)
	if m.History {
		dst = appendText(append(dst, `"epoch":`...), m.Epoch)
		dst = strconv.AppendUint(append(dst, `,"offset":`...), m.Offset, 10)
	}
	if m.Asked {
		dst = strconv.AppendBool(append(comma(dst, from), `"recovered":`...), m.Recovered)
	}
	if m.ReconnectMS > 0 {
		dst = strconv.AppendInt(append(comma(dst, from), `"reconnect_ms":`...), int64(m.ReconnectMS), 10)
	}
	if m.MessageBytes > 0 {
		dst = strconv.AppendInt(append(comma(dst, from), `"message_bytes":`...), int64(m.MessageBytes), 10)
	}
	return append(dst, '}')
}

func comma(dst []byte, from int) []byte {
	if len(dst) == from {
		return dst
	}
	return append(dst, ',')
}

// AppendOffset appends the sixth element of a broadcast that is kept: {"offset":58}.
func AppendOffset(dst []byte, offset uint64) []byte {
	return append(strconv.AppendUint(append(dst, `{"offset":`...), offset, 10), '}')
}

// AppendResume appends the sixth element of a join that resumes: {"epoch":"k3J","offset":42}.
func AppendResume(dst []byte, epoch string, offset uint64) []byte {
	return ReplyMeta{Epoch: epoch, Offset: offset, History: true}.Append(dst)
}

// AppendID appends the sixth element of a push that is to be executed once.
func AppendID(dst []byte, id string) []byte {
	return append(appendText(append(dst, `{"id":`...), id), '}')
}

// meta is a sixth element of either side.
type meta struct {
	present, hasEpoch, hasOffset, recovered bool
	epoch, id                               string
	offset, reconnectMS, messageBytes       uint64
}

// readMeta reads a sixth element, which is valid JSON, or nil.
func readMeta(element []byte) (m meta, err error) {
	if len(element) == 0 || element[0] != '{' {
		return m, nil
	}
	m.present = true
	for name, value := range members(element) {
		if !isNull(value) && !m.read(name, value) {
			return m, fault.Invalid.Errorf("%.20s in the meta of a message cannot be %.100s", name, value)
		}
	}
	return m, nil
}

func (m *meta) read(quoted, value []byte) (ok bool) {
	name, _ := unquote(quoted)
	switch string(name) {
	case "epoch":
		m.epoch, ok = readText(value)
		m.hasEpoch = ok
	case "id":
		m.id, ok = readText(value)
		ok = ok && len(m.id) <= longestID
	case "offset":
		m.offset, ok = readNumber(value)
		m.hasOffset = ok
	case "reconnect_ms":
		m.reconnectMS, ok = readNumber(value)
	case "message_bytes":
		m.messageBytes, ok = readNumber(value)
	case "recovered":
		m.recovered = string(value) == "true"
		ok = m.recovered || string(value) == "false"
	default:
		ok = true
	}
	return ok
}

func readText(value []byte) (string, bool) {
	text, ok := unquote(value)
	return string(text), ok
}

func readNumber(value []byte) (uint64, bool) {
	n, err := strconv.ParseUint(string(value), 10, 64)
	return n, err == nil
}
