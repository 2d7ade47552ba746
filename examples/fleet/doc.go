// Fleet is a dispatch centre in one program: ambulances and crews send their positions,
// dispatchers watch them move.
//
//	go run ./examples/fleet      # http://127.0.0.1:4000, replaying 996 vehicles
//
// Each unit is a process. What is sent to it by HTTP, by a socket, or by the replay, is a
// call of its method Fix, which answers once the position is committed. The board is one
// process that knows where all are; dispatchers' pages get what moved from it, five times
// a second. Start reading at main.go, the tree; then unit.go, board.go and store.go.
package main
