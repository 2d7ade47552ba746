package alive

import (
	"math/rand/v2"
	"os"
	"path/filepath"
)

// sign shows that the program of an owner runs: a lock on a byte of a file beside the
// database, which the system takes back when the program ends, however it does. It works
// between all programs that SQLite's own locks work between, for it is of the same kind.
type sign struct{ file *os.File }

// signed is the bit of an owner's number that says that it has a sign: where there can be
// none, and in programs that know of none, only its counter tells.
const signed = 1 << 62

// Enroll gives the owner that watches a number, more than 0 and nobody else's, which store is
// to put into its row: another one than before, if it had one. path is that of the SQLite
// file, or "".
func (w *Watch) Enroll(path string, store func(id int64) error) (int64, error) {
	id, s := newSign(path)
	if err := store(id); err != nil {
		s.close()
		return 0, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sign.close()
	w.sign = s
	return id, nil
}

// Close is for an owner that has left. Others see at once that it is gone.
func (w *Watch) Close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sign.close()
	w.sign = nil
}

// newSign gives an owner its number and sign: nil, if there are no locks.
func newSign(path string) (int64, *sign) {
	id := 1 + rand.Int64N(signed-1)
	s := openSign(path)
	if s == nil {
		return id, nil
	}
	if other := openSign(path); other != nil {
		defer other.close()
		if lock(s.file, id) && !isFree(other.file, id) { // some file systems only say that they lock
			return id | signed, s
		}
	}
	s.close()
	return id, nil
}

// openSign opens the file of the signs, or gives nil. It is empty, and stays.
func openSign(path string) *sign {
	real, err := filepath.EvalSymlinks(path)
	if path == "" || err != nil || !canLock {
		return nil
	}
	file, err := os.OpenFile(real+"-alive", os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil
	}
	return &sign{file}
}

// isGone reports whether an owner had a sign, and has it no more.
func (s *sign) isGone(id int64) bool {
	return s != nil && id&signed != 0 && isFree(s.file, id&^signed)
}

func (s *sign) close() {
	if s != nil {
		s.file.Close()
	}
}
