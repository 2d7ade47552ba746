//go:build linux && (386 || s390x)

package ws

import (
	"syscall"
	"unsafe"
)

func receive(fd int32, p []byte) (int, syscall.Errno) {
	n, _, errno := syscall.Syscall(syscall.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(&p[0])), uintptr(len(p)))
	return int(n), errno
}

func send(fd int32, p []byte, _ bool) (int, syscall.Errno) {
	n, _, errno := syscall.Syscall(syscall.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(&p[0])), uintptr(len(p)))
	return int(n), errno
}

func sendAll(fd int32, vector []syscall.Iovec, _ int, _ bool) (int, syscall.Errno) {
	n, _, errno := syscall.Syscall(syscall.SYS_WRITEV, uintptr(fd), uintptr(unsafe.Pointer(&vector[0])), uintptr(len(vector)))
	return int(n), errno
}
