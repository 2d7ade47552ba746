package ws

import "syscall"

// ErrWouldBlock is what a [Pollable] says when there is nothing to read, or no
// room to write.
const ErrWouldBlock = syscall.EAGAIN

// Pollable is a net.Conn that can be served without a goroutine of its own, such
// as one in memory.
type Pollable interface {
	// TryRead reads what is there; ErrWouldBlock if that is nothing, and io.EOF
	// at the end.
	TryRead(p []byte) (n int, err error)

	// TryWrite writes p or a part of it; ErrWouldBlock if there is no room.
	TryWrite(p []byte) (n int, err error)

	// Notify has fn called each time that the connection becomes readable or
	// writable after an ErrWouldBlock, or is closed, by whoever made it so. Fn
	// does not block.
	Notify(fn func())
}
