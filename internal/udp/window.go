package udp

// replayWindow is how far behind the newest a datagram may be.
const replayWindow = 1024

// window knows which of the last datagrams have come. The ring has one word more than
// the window, so that a word that is being filled still guards what it is to forget.
type window struct {
	newest uint64
	ring   [replayWindow/64 + 1]uint64
}

// take notes a datagram, and reports whether it is fresh. Number 0 never is.
func (w *window) take(seq uint64) bool {
	if seq == 0 || w.newest >= replayWindow && seq <= w.newest-replayWindow {
		return false
	}
	if seq > w.newest {
		w.clear(w.newest/64+1, seq/64)
		w.newest = seq
	}
	word, bit := &w.ring[seq/64%uint64(len(w.ring))], uint64(1)<<(seq%64)
	if *word&bit != 0 {
		return false
	}
	*word |= bit
	return true
}

// clear empties the words from and to, both included, for numbers to come.
func (w *window) clear(from, to uint64) {
	size := uint64(len(w.ring))
	if to-from >= size && to >= from {
		from = to - size + 1
	}
	for ; from <= to; from++ {
		w.ring[from%size] = 0
	}
}
