// Package task runs work beside the one who wants it.
//
//	price := task.Async(ctx, func(ctx context.Context) (Price, error) { return ask(ctx, dish) })
//	…
//	p, err := price.Await(ctx)
//
// A task is a process: it is in the listings, its panic is reported with its stack, and it
// stays small. An error goes to whoever asked: what the function returns, or its panic, is
// the answer of [Task.Await], and ends nobody else (process.Linked lets a panic do so). One
// that nobody asks for is logged.
//
// A task that a process starts is its child and ends before it does; one that is started
// from outside, by an HTTP handler say, ends with the node. To have them under a supervisor
// with a limit, name one, and list it in the tree:
//
//	const Mail task.Supervisor = "mail"
//
//	Children: []supervisor.Child{task.Supervise(Mail, process.Most(100)), …}
//
//	welcome := task.AsyncIn(ctx, Mail, render)             // to be awaited
//	err := task.Start(ctx, Mail, send)                     // and this is not
//
// # Many at a time
//
// [Stream] runs a function for each value of a sequence, several at a time, and gives the
// results in order:
//
//	for page, err := range task.Stream(ctx, slices.Values(urls), fetch, task.Concurrency(8)) {
//		…
//	}
//
// It reads no further ahead than it runs. Leaving the loop ends what still runs, and waits
// for it.
//
// # Time
//
// Await waits 5 s where its context has no deadline, and fails with process.ErrTimeout; the
// task goes on. An item of a Stream has 5 s, and is ended then ([Timeout]). A goroutine
// cannot be killed: a function should look at its context, else it is abandoned, and
// counted.
//
// A task that computes for long should do so in process.Compute.
package task
