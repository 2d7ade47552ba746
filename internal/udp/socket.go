package udp

import (
	"net"
	"net/netip"
)

// Socket is what datagrams come and leave through. A [net.UDPConn] is one. Reading
// fails with [net.ErrClosed] after Close; every other error is passed over.
type Socket interface {
	ReadFromUDPAddrPort(b []byte) (n int, from netip.AddrPort, err error)
	WriteToUDPAddrPort(b []byte, to netip.AddrPort) (int, error)
	LocalAddr() net.Addr
	Close() error
}

var _ Socket = (*net.UDPConn)(nil)

// open makes the socket of an address, with room for bursts.
func open(addr *net.UDPAddr) (Socket, error) {
	conn, err := net.ListenUDP("udp", addr)
	if err != nil {
		return nil, err
	}
	_ = conn.SetReadBuffer(socketBytes) // what the system does not give is not missed
	_ = conn.SetWriteBuffer(socketBytes)
	return conn, nil
}

const socketBytes = 4 << 20

// plain is an address as it is compared: IPv4 as IPv4, on whatever socket it came.
func plain(addr netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port())
}
