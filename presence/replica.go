package presence

import (
	"encoding/base64"
	"encoding/binary"
	"math/rand/v2"
	"time"
)

// replicaID is one run of a tracker: a tracker that starts again is another replica.
type replicaID struct {
	born uint64 // ns since 1970
	salt uint32
}

func newReplicaID() replicaID {
	return replicaID{uint64(time.Now().UnixNano()), rand.Uint32()}
}

// tag is 48 bits of the id, for references.
func (id replicaID) tag() uint64 {
	x := id.born ^ uint64(id.salt)<<32
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return (x ^ x>>31) >> 16
}

// replica is another tracker of the same name, as Serve's goroutine knows it.
type replica struct {
	id    replicaID
	node  string
	heard time.Time // the latest sign of life
	up    bool
	parts [shards]*component
	asked [shards]time.Time
}

// component is the presences of one replica in one shard. Only the replica itself adds to it
// and removes from it, and it counts what it does. So whoever has seen its operations up to a
// number has its whole truth up to there: a number a replica is all the context that a merge
// needs, and nothing is to be remembered of what has been removed.
type component struct {
	shard *shard
	tag   uint64 // of the replica
	up    bool   // its presences are shown
	clock uint64 // the latest operation that is contained

	dots     map[uint64]*presence // by the operation that added them; nil: it is our own
	transfer *transfer            // that is on its way

	// Of our own.
	oldest, newest *presence // in the order in which they were added
	removed        []removal // the latest, in order
	memory         int       // how many may be in removed
	cover          uint64    // all that were removed after this operation are there
	sent           uint64    // operations that all have been told of
}

// removal is an operation that removed what another had added.
type removal struct{ at, dot uint64 }

// mostRemovals is how many are remembered. Who has missed more gets all there is.
const mostRemovals = 8192

// presence is a process that is present on a topic under a key. What is not flagged or a link
// never changes.
type presence struct {
	owner       *component
	topic       *topic
	key         string
	meta        string // a JSON object
	clock, prev uint64 // the operation that added it, and the one that added what it replaced; 0: none

	before, after *presence // under the same key, in a ring
	older, newer  *presence // of our own component
	held          *presence // next of the same holder

	live   bool // it is present
	told   bool // hearers know of it
	queued bool // it is in the topic's dirty
}

func (p *presence) shard() *shard { return p.owner.shard }

func (p *presence) ref() string { return string(p.appendRef(nil, p.clock)) }

// appendRef appends the reference of an operation of the presence's owner: 16 characters.
func (p *presence) appendRef(dst []byte, clock uint64) []byte {
	var raw [14]byte
	binary.BigEndian.PutUint64(raw[0:], p.owner.tag<<16)
	binary.BigEndian.PutUint64(raw[6:], (uint64(p.owner.shard.index)<<44|clock)<<16)
	return base64.RawURLEncoding.AppendEncode(dst, raw[:12])
}
