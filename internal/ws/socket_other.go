//go:build !linux

package ws

// sockets has nothing here: without an epoll, goroutines read and write.
type sockets struct{}

func (*sockets) open(*Poller) error { return nil }

func (*sockets) close() {}

func (*sockets) attach(*Conn) link { return nil }

// vector is for a system call that is not made here.
type vector struct{}
