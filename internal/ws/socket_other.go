//go:build !linux

package ws

// sockets has nothing here: without an epoll, goroutines read and write.
type sockets struct{}

func (*sockets) open(*Poller) error { return nil }

func (*sockets) close() {}

func (*sockets) attach(*Conn) link { return nil }

type rawRead struct{}

func (*rawRead) init() {}

type rawWrite struct{}

func (*rawWrite) init() {}
