//go:build linux && !386 && !s390x

package ws

import (
	"syscall"
	"unsafe"
)

// noWait is for the calls of a socket, which cost less than read(2) and write(2).
const noWait = syscall.MSG_DONTWAIT | syscall.MSG_NOSIGNAL

// msgMore is MSG_MORE, which package syscall does not know.
const msgMore = 0x8000

// more has the kernel wait for what comes next, if that is the end: both go in one packet.
func more(last bool) uintptr {
	if last {
		return noWait | msgMore
	}
	return noWait
}

// shortCall is up to how many bytes a call takes a few microseconds at most: the scheduler
// need not hear of it.
const shortCall = 4 << 10

func receive(fd int32, p []byte) (int, syscall.Errno) {
	n, _, errno := syscall.RawSyscall6(syscall.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(&p[0])), uintptr(len(p)), noWait, 0, 0)
	return int(n), errno
}

func send(fd int32, p []byte, last bool) (int, syscall.Errno) {
	call := syscall.RawSyscall6
	if len(p) > shortCall {
		call = syscall.Syscall6
	}
	n, _, errno := call(syscall.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(&p[0])), uintptr(len(p)), more(last), 0, 0)
	return int(n), errno
}

func sendAll(fd int32, vector []syscall.Iovec, size int, last bool) (int, syscall.Errno) {
	var m syscall.Msghdr
	m.Iov = &vector[0]
	setLen(&m.Iovlen, len(vector))
	call := syscall.RawSyscall
	if size > shortCall {
		call = syscall.Syscall
	}
	n, _, errno := call(syscall.SYS_SENDMSG, uintptr(fd), uintptr(unsafe.Pointer(&m)), more(last))
	return int(n), errno
}

// setLen sets a length that is of another size on another machine.
func setLen[T uint32 | uint64](to *T, n int) { *to = T(n) }
