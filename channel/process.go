package channel

import "github.com/bennu-go/bennu/process"

// Process is what serves the client on a topic that it has joined; nil: nothing does. It is
// for tests, and for looking at a program that runs.
func (s *Session) Process(topic string) process.Target {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.client([]byte(topic)); c != nil {
		return c.slot
	}
	return nil
}
