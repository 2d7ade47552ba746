package memnet

import (
	"encoding/binary"
	"net/netip"
)

// Addr is the address of an end.
type Addr struct{ netip.AddrPort }

// Network is "memory".
func (Addr) Network() string { return "memory" }

// addr is the address with this number in a network that is nobody else's. The
// listener has the number 0.
func addr(number uint64, port uint16) Addr {
	ip := [16]byte{0: 0xfd, 1: 0xbe, 2: 0x22}
	binary.BigEndian.PutUint64(ip[8:], number)
	return Addr{netip.AddrPortFrom(netip.AddrFrom16(ip), port)}
}
