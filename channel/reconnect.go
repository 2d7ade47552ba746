package channel

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// mostReconnect is the longest that a client is asked to stay away.
const mostReconnect = time.Minute

func (s *Socket) reconnectRate() int {
	if s.ReconnectRate > 0 {
		return s.ReconnectRate
	}
	return 1000
}

// reconnectWithin is the time over which the clients that there are should spread when
// they are all lost at once.
func (s *Socket) reconnectWithin() time.Duration {
	s.mu.Lock()
	n := len(s.sessions)
	s.mu.Unlock()
	return s.spread(n)
}

func (s *Socket) spread(n int) time.Duration {
	return min(mostReconnect, time.Duration(n)*time.Second/time.Duration(s.reconnectRate()))
}

// advice tells the nth of many clients when to come back.
func (s *Socket) advice(n int) string {
	wait := min(mostReconnect, s.spread(n)+rand.N(100*time.Millisecond))
	return fmt.Sprintf("reconnect in %d ms", wait.Milliseconds())
}
