// Package memnet is a network inside one program, cheap enough for a million
// connections of which most are silent.
//
//	listener := memnet.Listen()
//	go http.Serve(listener, handler)
//	conn, err := listener.Dial(ctx)
//
// # Usage
//
// A [Listener] is a [net.Listener]; a [Conn] is a [net.Conn] that net/http can
// serve and hijack. An http.Client comes in by
//
//	Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return listener.Dial(ctx) }}
//
// Every client has an IPv6 address of its own, of the unique local range, so that
// what counts by address sees as many clients as there are.
//
// Whoever serves many connections with few goroutines uses TryRead, TryWrite and
// Notify, which never block, in place of Read and Write.
//
// # Guarantees
//
// Bytes arrive in order, and all of them, unless the end that should read them
// closes. Close and CloseWrite let the other end read what is on its way, and
// then [io.EOF]. A write to an end that has closed fails with [io.ErrClosedPipe],
// whatever is done with an end after its own Close with [net.ErrClosed], and what
// took longer than its deadline with [os.ErrDeadlineExceeded].
//
// # Limits
//
// Each direction holds 64 KiB; then Write waits for the reader, and TryWrite says
// [syscall.EAGAIN]. Writes at the same time from several goroutines are safe, but
// what each wrote may be cut into pieces between the others'.
//
// # Cost
//
// An idle pair is one allocation of fewer than 200 bytes: no goroutine, timer,
// channel or buffer. Buffers come from a pool with the first byte that waits, and go back
// with the last. A channel exists while a goroutine waits in Read or Write, and a timer
// while it does so with a deadline.
//
// # Testing
//
// Everything that waits does so on channels, so that connections made inside a bubble of
// testing/synctest are idle for it, and deadlines run on its clock.
package memnet
