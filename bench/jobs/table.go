package main

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"time"
)

// latencies are durations, of which quantiles are wanted. Safe for concurrent use.
type latencies struct {
	lock sync.Mutex
	all  []time.Duration
}

func (l *latencies) add(d time.Duration) {
	l.lock.Lock()
	l.all = append(l.all, d)
	l.lock.Unlock()
}

// quantile is the duration that so many are not over, in milliseconds.
func (l *latencies) quantile(q float64) float64 {
	l.lock.Lock()
	defer l.lock.Unlock()
	if len(l.all) == 0 {
		return 0
	}
	slices.Sort(l.all)
	i := min(int(q*float64(len(l.all))), len(l.all)-1)
	return float64(l.all[i].Microseconds()) / 1000
}

func (l *line) latency(starts, inserts *latencies) {
	l.P50, l.P99, l.Most = starts.quantile(0.5), starts.quantile(0.99), starts.quantile(1)
	l.InsertP50, l.InsertP99 = inserts.quantile(0.5), inserts.quantile(0.99)
}

// column is a figure of a row's lines.
type column struct {
	title  string
	of     func(line) float64
	digits int
}

var columns = map[string][]column{
	"bulk": {
		{"inserted and worked/s", func(l line) float64 { return l.Both }, 0},
		{"inserted/s", func(l line) float64 { return l.Inserted }, 0},
		{"worked/s", func(l line) float64 { return l.Worked }, 0},
		cpu,
	},
	"stream": {
		{"inserted and worked/s", func(l line) float64 { return l.Both }, 0},
		{"inserted/s", func(l line) float64 { return l.Inserted }, 0},
		cpu,
	},
	"rest": delays,
	"load": append([]column{{"inserted and worked/s", func(l line) float64 { return l.Both }, 0}}, delays...),
}

var cpu = column{"CPU µs/job", func(l line) float64 { return l.CPU }, 1}

var delays = []column{
	{"start p50 ms", func(l line) float64 { return l.P50 }, 2},
	{"start p99 ms", func(l line) float64 { return l.P99 }, 2},
	{"start max ms", func(l line) float64 { return l.Most }, 1},
	{"insert p50 ms", func(l line) float64 { return l.InsertP50 }, 2},
	{"insert p99 ms", func(l line) float64 { return l.InsertP99 }, 2},
}

// tables prints the medians of each row, and of the ratios of its pairs.
func tables(w io.Writer, s settings, lines []line) {
	fmt.Fprintf(w, "\n%s, River %s; GOMAXPROCS %d, %d jobs at a time. Medians of %d run(s), each in a process and on a database of its own, by turns;\n"+
		"× is the median of bennu's figure by River's of the same pair (least-most).\n", runtime.Version(), version("github.com/riverqueue/river"), runtime.GOMAXPROCS(0), s.Workers, s.Pairs)
	for _, engine := range s.Engines {
		for _, row := range s.Rows {
			of := slices.DeleteFunc(slices.Clone(lines), func(l line) bool { return l.Engine != engine || l.Row != row })
			if len(of) == 0 {
				continue
			}
			fmt.Fprintf(w, "\n### %s, %s\n\n%s, on %s.\n\n", row, engine, describe(row, s), engine)
			if row == "memory" {
				fmt.Fprintf(w, "MB after each tenth: %v; %.0f jobs/s inserted and worked.\n", of[0].RSS, of[0].Both)
				continue
			}
			table(w, s, of, columns[row])
		}
	}
}

func describe(row string, s settings) string {
	switch row {
	case "bulk":
		return fmt.Sprintf("%d jobs inserted in bulks of %d, then worked", s.Bulk, chunk)
	case "stream":
		return fmt.Sprintf("%d jobs inserted one by one by %d clients while they are worked", s.Stream, s.Clients)
	case "rest":
		return fmt.Sprintf("%d jobs, one at a time, from the call of insert to the start of the function", s.Rest)
	case "load":
		return fmt.Sprintf("%d jobs/s for %v, from when the insert was due to the start of the function", s.Rate, s.Load)
	default:
		return fmt.Sprintf("resident memory of the program over %d jobs", s.Memory)
	}
}

func table(w io.Writer, s settings, lines []line, columns []column) {
	fmt.Fprint(w, "| |")
	for _, c := range columns {
		fmt.Fprintf(w, " %s |", c.title)
	}
	fmt.Fprint(w, "\n|---|")
	for range columns {
		fmt.Fprint(w, "--:|")
	}
	fmt.Fprintln(w)
	for _, side := range s.Sides {
		fmt.Fprintf(w, "| %s |", side)
		for _, c := range columns {
			fmt.Fprintf(w, " %.*f |", c.digits, median(figures(lines, side, c)))
		}
		fmt.Fprintln(w)
	}
	if len(s.Sides) < 2 {
		return
	}
	fmt.Fprint(w, "| × |")
	for _, c := range columns {
		ratios := ratios(figures(lines, "bennu", c), figures(lines, "river", c))
		fmt.Fprintf(w, " %.2f (%.2f-%.2f) |", median(ratios), slices.Min(ratios), slices.Max(ratios))
	}
	fmt.Fprintln(w)
}

// figures are those of a side, by pair.
func figures(lines []line, side string, c column) (all []float64) {
	of := slices.DeleteFunc(slices.Clone(lines), func(l line) bool { return l.Side != side })
	slices.SortFunc(of, func(a, b line) int { return a.Pair - b.Pair })
	for _, l := range of {
		all = append(all, c.of(l))
	}
	return all
}

func ratios(a, b []float64) []float64 {
	r := make([]float64, len(a))
	for i := range a {
		r[i] = a[i] / b[i]
	}
	return r
}

func median(all []float64) float64 {
	if len(all) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(all))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

func version(module string) string {
	info, _ := debug.ReadBuildInfo()
	for _, dep := range info.Deps {
		if dep.Path == module {
			return dep.Version
		}
	}
	return "?"
}
