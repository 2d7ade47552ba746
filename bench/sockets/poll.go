package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/bennu-go/bennu/internal/wire"
)

// session is a client that polls.
type session struct {
	http  *http.Client
	mount string
	token string
}

// answer is the body of every answer.
type answer struct {
	Status   int      `json:"status"`
	Token    string   `json:"token"`
	Messages []string `json:"messages"`
}

// poll has a few sessions join and be echoed by long-polling. It is a check, not a
// measurement, though it says how long an echo takes.
func poll(ctx context.Context, s *settings) error {
	const echoes = 10
	sessions := min(s.n, 8)
	client := &http.Client{Timeout: 30 * time.Second}
	defer client.CloseIdleConnections()
	var latency histogram
	m, err := start(s.pid)
	if err != nil {
		return err
	}
	err = inParallel(ctx, sessions, sessions, func(ctx context.Context, i int) error {
		p := &session{http: client, mount: s.url}
		if err := p.begin(ctx, ownRoom(i)); err != nil {
			return err
		}
		for number := range uint64(echoes) {
			begun := time.Now()
			if err := p.echo(ctx, ownRoom(i), body(number, s.bytes)); err != nil {
				return err
			}
			latency.add(time.Since(begun))
		}
		return nil
	})
	if err != nil {
		return err
	}
	r := result{Mode: "poll", N: sessions}
	if err := m.stop(&r, latency.total()); err != nil {
		return err
	}
	r.time(&latency)
	return r.print()
}

// begin makes the session and joins the topic.
func (p *session) begin(ctx context.Context, topic string) error {
	a, err := p.do(ctx, http.MethodGet, "")
	if err != nil {
		return err
	}
	if a.Status != 410 || a.Token == "" {
		return fmt.Errorf("a new session was answered with %+v", a)
	}
	p.token = a.Token
	_, err = p.push(ctx, topic, "phx_join", "{}", joinRef)
	return err
}

func (p *session) echo(ctx context.Context, topic, body string) error {
	payload := `{"body":"` + body + `"}`
	response, err := p.push(ctx, topic, "echo", payload, pushRef)
	if err == nil && response != payload {
		err = fmt.Errorf("the echo of %s is %s", payload, response)
	}
	return err
}

// push sends a message and polls until it is replied to.
func (p *session) push(ctx context.Context, topic, event, payload, ref string) (response string, err error) {
	message := wire.AppendClientPush(nil, []byte(joinRef), []byte(ref), topic, event, []byte(payload), nil)
	a, err := p.do(ctx, http.MethodPost, string(message))
	if err != nil {
		return "", err
	}
	if a.Status != 200 {
		return "", fmt.Errorf("a message was answered with %+v", a)
	}
	for range 10 {
		a, err := p.do(ctx, http.MethodGet, "")
		if err != nil {
			return "", err
		}
		if a.Status != 200 && a.Status != 204 {
			return "", fmt.Errorf("a poll was answered with %+v", a)
		}
		for _, text := range a.Messages {
			m, err := wire.DecodeServerText([]byte(text))
			if err != nil {
				return "", err
			}
			status, response, _ := m.Reply()
			switch {
			case string(m.Ref) != ref:
			case string(status) != "ok":
				return "", fmt.Errorf("the reply to %s is %s %s", event, status, response)
			default:
				return string(response), nil
			}
		}
	}
	return "", fmt.Errorf("%s was not replied to within ten polls", event)
}

func (p *session) do(ctx context.Context, method, body string) (a answer, err error) {
	query := url.Values{"vsn": {"2.0.0"}}
	if p.token != "" {
		query.Set("token", p.token)
	}
	target := strings.TrimSuffix(p.mount, "/") + "/longpoll?" + query.Encode()
	r, err := http.NewRequestWithContext(ctx, method, target, strings.NewReader(body))
	if err != nil {
		return a, err
	}
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-ndjson")
	}
	resp, err := p.http.Do(r)
	if err != nil {
		return a, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return a, fmt.Errorf("%s %s was answered with %s", method, p.mount, resp.Status)
	}
	if err := json.NewDecoder(resp.Body).Decode(&a); err != nil {
		return a, fmt.Errorf("the answer to %s %s is not what long-polling answers: %w", method, p.mount, err)
	}
	return a, nil
}
