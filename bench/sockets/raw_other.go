//go:build !unix

package main

import "net"

// rawConn is a connection.
type rawConn struct{ nc net.Conn }

func newRawConn(nc net.Conn) (rawConn, error) { return rawConn{nc}, nil }

func (c rawConn) write(p []byte) (int, error) { return c.nc.Write(p) }
