package main

import (
	"encoding/json"
	"os"
	"slices"
	"time"
)

// result is a line of the output. What a mode does not measure is left out.
type result struct {
	Mode    string  `json:"mode"`
	N       int     `json:"n,omitempty"`       // connections
	Seconds float64 `json:"seconds,omitempty"` // of what was measured
	Ops     int64   `json:"ops,omitempty"`     // joins, replies, deliveries
	Rate    float64 `json:"rate,omitempty"`    // of them, a second
	CPU     float64 `json:"cpu_us,omitempty"`  // of the server, for each
	P50     float64 `json:"p50_ms,omitempty"`
	P99     float64 `json:"p99_ms,omitempty"`

	Outstanding int     `json:"outstanding,omitempty"`
	Open        float64 `json:"open,omitempty"` // shouts a second
	FrameBytes  int     `json:"frame_bytes,omitempty"`

	RSS        int64 `json:"rss_bytes,omitempty"`
	RSSPerConn int64 `json:"rss_bytes_per_conn,omitempty"`

	JoinedSeconds  float64 `json:"joined_seconds,omitempty"`     // presence: until all joins were replied to
	KnownSeconds   float64 `json:"known_seconds,omitempty"`      // presence: until all knew of all
	DiffBytes      float64 `json:"diff_bytes_per_sub,omitempty"` // presence: of presence_diff, each subscriber
	DiffBytesASec  float64 `json:"diff_bytes_per_sub_s,omitempty"`
	StateBytes     float64 `json:"state_bytes_per_sub,omitempty"`
	CPUOverBare    float64 `json:"cpu_ratio,omitempty"` // fanout -bare: the server's by the loop's
	RateOverBare   float64 `json:"rate_ratio,omitempty"`
	MedianOverBare float64 `json:"p50_ratio,omitempty"`
	TailOverBare   float64 `json:"p99_ratio,omitempty"`
}

func (r result) print() error { return json.NewEncoder(os.Stdout).Encode(r) }

// count fills in how often something was done.
func (r *result) count(ops int64, took, cpu time.Duration) {
	r.Ops, r.Seconds = ops, took.Seconds()
	r.Rate = float64(ops) / took.Seconds()
	if ops > 0 {
		r.CPU = float64(cpu.Nanoseconds()) / 1000 / float64(ops)
	}
}

// time fills in how long it took.
func (r *result) time(h *histogram) { r.P50, r.P99 = h.quantile(0.50), h.quantile(0.99) }

// compare gives the medians of the ratios of each turn to the bare one before it.
func compare(theirs, bare []result) result {
	ratio := func(of func(result) float64) float64 {
		ratios := make([]float64, len(bare))
		for i := range bare {
			if base := of(bare[i]); base > 0 {
				ratios[i] = of(theirs[i]) / base
			}
		}
		slices.Sort(ratios)
		return ratios[len(ratios)/2]
	}
	return result{
		Mode:           "fanout/bare",
		N:              theirs[0].N,
		Outstanding:    theirs[0].Outstanding,
		Open:           theirs[0].Open,
		CPUOverBare:    ratio(func(r result) float64 { return r.CPU }),
		RateOverBare:   ratio(func(r result) float64 { return r.Rate }),
		MedianOverBare: ratio(func(r result) float64 { return r.P50 }),
		TailOverBare:   ratio(func(r result) float64 { return r.P99 }),
	}
}
