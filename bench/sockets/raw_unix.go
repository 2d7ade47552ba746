//go:build unix

package main

import (
	"net"
	"syscall"
)

// rawConn is a connection that is written to by write(2) and nothing else.
type rawConn struct {
	nc net.Conn // keeps the descriptor
	fd int
}

func newRawConn(nc net.Conn) (c rawConn, err error) {
	c.nc = nc
	raw, err := nc.(syscall.Conn).SyscallConn()
	if err != nil {
		return c, err
	}
	return c, raw.Control(func(fd uintptr) { c.fd = int(fd) })
}

func (c rawConn) write(p []byte) (int, error) { return syscall.Write(c.fd, p) }
