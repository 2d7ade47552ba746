package alive

import (
	"io"
	"os"
	"syscall"
)

const canLock = true

// Locks of open files: those of POSIX are of the process, and go when it closes any of its
// files of that name.
const (
	getLock = 36 // F_OFD_GETLK
	setLock = 37 // F_OFD_SETLK
)

// lock locks a byte for as long as the file is open.
func lock(file *os.File, at int64) bool {
	_, ok := control(file, setLock, at)
	return ok
}

// isFree reports whether it is sure that nobody else has locked a byte.
func isFree(file *os.File, at int64) bool {
	found, ok := control(file, getLock, at)
	return ok && found == syscall.F_UNLCK
}

func control(file *os.File, command int, at int64) (found int16, ok bool) {
	l := syscall.Flock_t{Type: syscall.F_WRLCK, Whence: io.SeekStart, Start: at, Len: 1}
	conn, err := file.SyscallConn()
	if err == nil {
		err = conn.Control(func(fd uintptr) { ok = syscall.FcntlFlock(fd, command, &l) == nil })
	}
	return l.Type, ok && err == nil
}
