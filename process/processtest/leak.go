package processtest

import (
	"bytes"
	"context"
	"fmt"
	"runtime"
	"runtime/pprof"
	"strconv"
	"strings"
	"testing"
	"time"
)

// label marks the goroutines of a test in profiles. A goroutine has the labels of the one
// that started it.
const label = "bennu test"

// mark labels the goroutine of a test, and gives a check that nothing it has started is
// left, or ends in time. The check is to run last: that of a test's first node does, the
// others do nothing.
func mark(t testing.TB, ctx context.Context, patience time.Duration) (_ context.Context, leaks func()) {
	if inBubble() { // which finds its leaks itself
		return ctx, func() {}
	}
	id := fmt.Sprintf("%s %p", t.Name(), t)
	first := len(marked(id)) == 0
	ctx = pprof.WithLabels(ctx, pprof.Labels(label, id))
	pprof.SetGoroutineLabels(ctx)
	return ctx, func() {
		t.Helper()
		if !first || t.Failed() {
			return
		}
		var left []string
		end := time.Now().Add(patience)
		for pause := time.Millisecond; time.Now().Before(end); pause = min(2*pause, 100*time.Millisecond) {
			if left = marked(id); len(left) == 0 {
				return
			}
			time.Sleep(pause)
		}
		t.Errorf("what the test started still runs, %v after its end:\n\n%s", patience, strings.Join(left, "\n"))
	}
}

// marked gives the stacks of the goroutines that have the label, but for the one that
// asks. Each of them may stand for several.
func marked(id string) (stacks []string) {
	var profile bytes.Buffer
	_ = pprof.Lookup("goroutine").WriteTo(&profile, 1) // a buffer takes it
	mine := strconv.Quote(label) + ":" + strconv.Quote(id)
	_, records, _ := strings.Cut(profile.String(), "\n") // behind the line that counts them
	for stack := range strings.SplitSeq(records, "\n\n") {
		labels, frames, _ := strings.Cut(stack, "}\n#")
		if !strings.Contains(labels, mine) || strings.Contains(frames, "runtime/pprof.") || strings.Contains(frames, "os/signal.") {
			continue // not of this test; this goroutine; or that of os/signal, which never ends
		}
		count, _, _ := strings.Cut(labels, " ")
		var text strings.Builder
		fmt.Fprintf(&text, "%s with this stack:\n", count)
		for frame := range strings.Lines(frames) {
			if words := strings.Fields(strings.TrimPrefix(frame, "#")); len(words) > 1 { // address, function, place
				fmt.Fprintf(&text, "\t%s\n", strings.Join(words[1:], " "))
			}
		}
		stacks = append(stacks, text.String())
	}
	return stacks
}

// inBubble reports whether the goroutine is in a synctest bubble, which only the head of
// its stack tells.
func inBubble() bool {
	head := make([]byte, 128)
	head = head[:runtime.Stack(head, false)]
	head, _, _ = bytes.Cut(head, []byte("\n"))
	return bytes.Contains(head, []byte("synctest bubble"))
}
