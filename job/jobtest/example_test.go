package jobtest_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/bennu-go/bennu/internal/exampletest"
	"github.com/bennu-go/bennu/job"
	"github.com/bennu-go/bennu/job/jobtest"
)

type Message struct{ To string }

// server is where messages are sent. It may be down.
type server struct{ up bool }

func (s *server) Send(_ context.Context, m Message) error {
	if !s.up {
		return errors.New("the server is down")
	}
	fmt.Println("sent to", m.To)
	return nil
}

// In a test, t is its *testing.T.
func Example() {
	exampletest.Run(func(t testing.TB) {
		srv := &server{up: true}
		mail := job.Define("mail", srv.Send)
		k := jobtest.Start(t, &job.Runner{Jobs: []job.Definition{mail}})

		_, _ = mail.Enqueue(k, Message{"ann"})
		_, _ = mail.Enqueue(k, Message{"bob"}, job.In(time.Hour))
		fmt.Println(k.Drain().Completed, jobtest.Enqueued(k, mail))

		k.Advance(time.Hour)
		srv.up = false
		fmt.Println(k.Drain().Failed)

		srv.up = true
		k.Advance(time.Minute) // by then it is tried again
		k.Drain()
		jobtest.AssertEnqueued(k, mail, Message{"bob"})
	})
	// Output:
	// sent to ann
	// 1 [{bob}]
	// 1
	// sent to bob
	// jobtest: no "mail" is enqueued with {To:bob}; there are 0: []
}
