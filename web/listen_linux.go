package web

import (
	"context"
	"net"
	"syscall"
	"time"
)

// listenTCP sets the keep-alive of connections once, for they have it from the listener, and not
// with four calls for each of them.
func listenTCP(ctx context.Context, addr string) (net.Listener, error) {
	inherited := net.ListenConfig{KeepAlive: -1, Control: keepAlive}
	if l, err := inherited.Listen(ctx, "tcp", addr); err == nil {
		return l, nil
	}
	return new(net.ListenConfig).Listen(ctx, "tcp", addr) // before Linux 6.10 a listener of MPTCP takes no such times
}

// keepAlive is what package net sets for a connection.
func keepAlive(_, _ string, c syscall.RawConn) (err error) {
	const every = int(15 * time.Second / time.Second)
	closed := c.Control(func(fd uintptr) {
		for _, o := range [...]struct{ level, name, value int }{
			{syscall.SOL_SOCKET, syscall.SO_KEEPALIVE, 1},
			{syscall.IPPROTO_TCP, syscall.TCP_KEEPIDLE, every},
			{syscall.IPPROTO_TCP, syscall.TCP_KEEPINTVL, every},
			{syscall.IPPROTO_TCP, syscall.TCP_KEEPCNT, 9},
		} {
			if err == nil {
				err = syscall.SetsockoptInt(int(fd), o.level, o.name, o.value)
			}
		}
	})
	if closed != nil {
		return closed
	}
	return err
}
