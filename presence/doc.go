// Package presence knows who is here, on all nodes: the users in a room, the devices that
// are connected, the dispatchers on duty.
//
// A [Tracker] is a child of the tree, before what uses it:
//
//	type User struct {
//		Status string `json:"status"`
//	}
//
//	users := &presence.Tracker[User]{Name: "users"}
//
//	tree := supervisor.Tree{Children: []supervisor.Child{
//		{Name: "users", Run: users},
//		{Name: "socket", Run: socket},
//	}}
//
// A process makes itself present on a topic, under a key and with a meta:
//
//	_, err := users.Track(ctx, "room:lobby", "user:42", User{Status: "here"})
//	_, err = users.Update(ctx, "room:lobby", "user:42", User{Status: "away"})
//	err = users.Untrack(ctx, "room:lobby", "user:42")
//
// and is so until it is to end, however it ends. A process is present once on a topic under
// a key; several may be under the same, as one user's tabs are, each with a meta of its own.
//
//	all, err := users.List(ctx, "room:lobby") // by key, each with its metas
//	bob, err := users.Get(ctx, "room:lobby", "user:42")
//	n, err := users.Count(ctx, "room:lobby")
//
// What is the same for all metas of a key does not belong into each: Fetch gives it when it
// is to be shown, with one query for all keys.
//
// # Clients
//
// Package channel tells clients, in the words of Phoenix's Presence: presence_state when they
// have joined, then presence_diff for what changes. A tracker is the [Source] of both. An
// update is one diff, in which the new meta joins, with its phx_ref and the old one's as
// phx_ref_prev, and the old one leaves.
//
// Who joins a topic where nothing happens finds itself in the state; elsewhere the next diff
// tells of it.
//
// The first change on a topic is told at once. What follows is collected for Interval, or
// longer: after a diff of n bytes there is a pause of n / 700 KiB seconds, and a diff is cut
// off at about 256 KiB, so that no client gets 1 MB of diffs within a second. What Fetch adds
// counts for the pause, but not for where a diff is cut off. Where 10,000 are present, the
// pause is 0.4 s, as each diff is then 10,000 messages; it grows with their number.
//
// Who comes and goes within a pause is not told of at all; of several updates the last is
// told, and its phx_ref_prev may be one that nobody has seen. A state is encoded once for all
// who ask until the next diff.
//
// # Other nodes
//
// Each node has a replica of all presences. Only the node that a presence is on adds and
// removes it, and it counts these operations. So for each node one number says what has been
// seen of it, merging needs no order and no care for what comes twice, and nothing is kept of
// what has gone. Nodes tell each other what is new 100 ms after it began, and every Period how
// far they are. Who has missed something asks for it, and gets what is new since then or, if
// that is not remembered any more (8,192 removals in one of 16 parts), all there is.
//
//	| another node            | its presences here                                  |
//	|-------------------------|-----------------------------------------------------|
//	| stops                   | leave at once: it says so                           |
//	| starts again            | those of before leave at once                       |
//	| is silent for Down      | leave; they join when it is heard again             |
//	| is silent for Permanent | are forgotten; they are asked for when it is heard  |
//
// So the presences of a node that dies hard are there for Down (30 s) more, or until it is
// back. Time in which this node itself stood still does not count as silence of others.
//
// All nodes have trackers of the same Name and the same type of meta, which travels as JSON.
// How they reach each other is a [Gossip]. By default it is package pubsub, which is of one
// node for now: a tracker is alone then.
//
// # Guarantees
//
// What a process tracks is in List on its node when Track returns. All nodes that hear each
// other come to the same presences, whatever is lost, doubled, delayed or reordered between
// them, and the diffs of each are what has changed in its own. A hearer that keeps to the rule
// of [Source] misses nothing and gets nothing twice.
//
// When a tracker stops, all its presences leave, and processes that are still there must Track
// again when it is back. Have the tree restart them with it (supervisor.RestForOne).
//
// # Failure
//
//	| what                            | becomes                               | is counted as             |
//	|---------------------------------|---------------------------------------|---------------------------|
//	| no process in the context       | process.ErrNotHere                    |                           |
//	| one that has ended              | process.ErrDead                       |                           |
//	| one that is present already     | fault.Conflict                        |                           |
//	| one that is not                 | fault.NotFound                        |                           |
//	| a tracker that does not run     | ErrDown                               |                           |
//	| Fetch fails, panics or is slow  | metas alone, until somebody asks anew | presence.fetches.failed   |
//	| a hearer panics                 | it misses that diff                   | presence.hearers.panicked |
//	| another node is silent          | see above                             | presence.nodes.down       |
//	| more messages than can be read  | what is lost is asked for             | presence.messages.lost    |
//	| a message of another format     | is ignored                            | presence.messages.refused |
//	| Gossip fails to send            | who misses it asks for it             | presence.messages.unsent  |
//
// # Limits
//
//	| limit             | it is            | beyond it                             |
//	|-------------------|------------------|---------------------------------------|
//	| a topic, a key    | 1 to 255 bytes   | fault.Invalid; so if it is not UTF-8  |
//	| a meta, as JSON   | MetaBytes, 4 KiB | fault.Invalid; so if it is no object  |
//	| Fetches at a time | 8                | the next waits, within its FetchTime  |
//
// A process that is present under many keys is found by walking through them: spread some
// thousands over several processes.
//
// A state goes to each client that joins: 10,000 who join a topic of 10,000 get some 10 GB
// between them. Where so many meet, tell clients the Count, and leave presences to smaller
// topics.
package presence
