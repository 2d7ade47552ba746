package main

import (
	"fmt"
	"math/bits"
	"sync"
	"sync/atomic"
)

// The ledger lies outside of the processes: for each message a bit that its handler sets,
// and a bit that says that the client was told it had arrived. At the end each bit of the
// second kind must have one of the first.

const pageSize = 1 << 16 // messages

type page struct {
	handled [pageSize / 64]atomic.Uint64
	acked   [pageSize / 64]uint64 // of the client alone
}

// entry is the argument of each message: its place in the ledger.
type entry struct {
	page   *page
	client int
	number uint32 // of the client's messages, from 1
	direct bool   // the client itself sent it: it keeps its place among the client's others
}

func (e entry) bit() (word int, mask uint64) {
	i := int(e.number) % pageSize
	return i / 64, 1 << (i % 64)
}

// handle notes that the message was handled, and reports whether it was for the first time.
func (e entry) handle() bool {
	word, mask := e.bit()
	return e.page.handled[word].Or(mask)&mask == 0
}

func (e entry) ack() {
	word, mask := e.bit()
	e.page.acked[word] |= mask
}

// book is the part of the ledger for one client's messages to one kind of process.
type book struct{ pages map[uint32]*page }

func (b *book) entry(client int, number uint32, direct bool) entry {
	p := b.pages[number/pageSize]
	if p == nil {
		if b.pages == nil {
			b.pages = make(map[uint32]*page)
		}
		p = new(page)
		b.pages[number/pageSize] = p
	}
	return entry{p, client, number, direct}
}

// count gives how many messages were acknowledged, and how many of those are lost.
func (b *book) count() (acked, lost int) {
	for _, p := range b.pages {
		for i, word := range p.acked {
			acked += bits.OnesCount64(word)
			lost += bits.OnesCount64(word &^ p.handled[i].Load())
		}
	}
	return acked, lost
}

// violations are what must not happen. The first few are kept as text.
type violations struct {
	mu    sync.Mutex
	n     int
	texts []string
}

const mostTexts = 20

func (v *violations) add(format string, args ...any) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.n++; v.n <= mostTexts {
		v.texts = append(v.texts, fmt.Sprintf(format, args...))
	}
}

func (v *violations) print() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, text := range v.texts {
		fmt.Println("VIOLATION:", text)
	}
	if more := v.n - len(v.texts); more > 0 {
		fmt.Println("and", more, "more")
	}
	return v.n
}
