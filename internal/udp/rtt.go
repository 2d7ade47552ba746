package udp

import (
	"math/rand/v2"
	"time"
)

const (
	firstRTO = 500 * time.Millisecond
	minRTO   = 200 * time.Millisecond
	maxRTO   = 10 * time.Second
)

// roundTrip estimates the time to the peer and back, as RFC 6298 has it.
type roundTrip struct {
	smooth, variance, least time.Duration
	tries                   uint8 // timeouts in a row
}

func (r *roundTrip) sample(d time.Duration) {
	r.tries = 0
	if r.smooth == 0 {
		r.smooth, r.variance, r.least = d, d/2, d
		return
	}
	r.least = min(r.least, d)
	r.variance += (max(r.smooth-d, d-r.smooth) - r.variance) / 4
	r.smooth += (d - r.smooth) / 8
}

// timeout is how long an acknowledgement is waited for: twice as long after each one
// that did not come, and up to an eighth more, so that clients do not fall in step.
func (r *roundTrip) timeout(most time.Duration) time.Duration {
	d := firstRTO
	if r.smooth > 0 {
		d = max(minRTO, r.smooth+4*r.variance)
	}
	d = min(d<<min(r.tries, 6), maxRTO, most)
	return d + rand.N(d/8+1)
}
