//go:build unix

package main

import (
	"fmt"
	"syscall"
	"testing"
	"time"
)

// BenchmarkUDP sends 20,000 sentences from 1,000 units in each run, as fast as so many
// receivers would, which takes a second, or as fast as it can. The database is a file, and
// the time of the processor is the senders' too.
func BenchmarkUDP(b *testing.B) {
	for _, c := range []struct {
		name     string
		datagram int           // sentences in it
		pause    time.Duration // from one of 10 rounds to the next
	}{
		{"one line a datagram, 20000 a second", 1, 100 * time.Millisecond},
		{"two lines a datagram, 20000 a second", 2, 100 * time.Millisecond},
		{"two lines a datagram, flat out", 2, 0},
	} {
		b.Run(c.name, func(b *testing.B) { benchmarkUDP(b, c.datagram, c.pause) })
	}
}

func benchmarkUDP(b *testing.B, datagram int, pause time.Duration) {
	const units, rounds = 1000, 10
	w := start(b, file(b), "-udp=127.0.0.1:0")
	r := w.receiver()
	at := time.Now().Add(-time.Hour)
	send := func() {
		began := time.Now()
		at = at.Add(100 * time.Millisecond)
		rmc, gga := rmcOf(at, 1, "10"), ggaOf(at, "5")
		for i := range units {
			id := fmt.Sprintf("u%03d ", i)
			if datagram == 1 {
				r.send(id + rmc)
				r.send(id + gga)
			} else {
				r.send(id + rmc + "\r\n" + gga + "\r\n")
			}
			if i%50 == 49 {
				time.Sleep(time.Until(began.Add(pause * time.Duration(i+1) / units)))
			}
		}
	}
	dropped := func() (n int64) {
		for _, d := range w.dirt() {
			n += d
		}
		return n + w.count("fleet.udp.failed") + w.count("process.messages.lost")
	}
	settle := func() {
		for last, since := int64(-1), time.Now(); time.Since(since) < 100*time.Millisecond; time.Sleep(time.Millisecond) {
			if n := w.count("fleet.udp.accepted") + dropped(); n != last || n < w.count("fleet.udp.sentences") {
				last, since = n, time.Now()
			}
		}
	}
	send()
	settle()
	accepted, read, lost := w.count("fleet.udp.accepted"), w.count("fleet.udp.sentences"), dropped()
	cpu := cpuTime(b)
	b.ResetTimer()
	for range b.N {
		for range rounds {
			send()
		}
	}
	settle()
	b.StopTimer()
	sent := float64(b.N * rounds * units * 2)
	accepted, read, lost = w.count("fleet.udp.accepted")-accepted, w.count("fleet.udp.sentences")-read, dropped()-lost
	b.ReportMetric(float64(accepted)/(b.Elapsed()-100*time.Millisecond).Seconds(), "sentences/s")
	b.ReportMetric(float64((cpuTime(b)-cpu).Nanoseconds())/sent, "cpu-ns/sentence")
	b.ReportMetric(100*float64(lost)/sent, "%dropped")
	b.ReportMetric(100*(sent-float64(read))/sent, "%lost-by-kernel")
	b.ReportMetric(0, "ns/op")
}

// cpuTime is what this program has used of the processors.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
