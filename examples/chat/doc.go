// Chat is rooms where people write to each other: what channels, presence and resume are
// for.
//
//	go run ./examples/chat        # then open http://127.0.0.1:4000 in two windows
//	go run ./examples/chat -db postgres://ann@localhost/chat
//
// Each room is a process, and so is each user in a room. The room stores a message before
// anybody sees it; its messages have numbers without gaps, which are the offsets of the
// topic's history. So a browser that loses its connection, or whose server is restarted,
// gets exactly what it missed, and a message that is sent again, because its answer was
// lost, is stored once.
//
//	| file        | what it has                                      |
//	|-------------|--------------------------------------------------|
//	| main.go     | options and the tree                             |
//	| channels.go | the topics: what is said on them, and how often  |
//	| seat.go     | a user in a room: what a browser may do          |
//	| room.go     | the room: who posts when, in one order           |
//	| rooms.go    | the list of rooms                                |
//	| store.go    | what must outlive the program                    |
//	| page.go     | the page, and the client that it uses            |
//	| page/       | the page itself: chat.js puts its parts together |
//
// The crash button makes the process of this user in this room panic: others notice
// nothing, and the user is back at once.
//
// Users may take any name, and nobody is asked for a password.
package main
