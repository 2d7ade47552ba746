package main

import (
	"context"
	"log/slog"
	"os"

	"github.com/bennu-go/bennu/data"
	"github.com/bennu-go/bennu/job"
	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/supervisor"
	"github.com/bennu-go/bennu/telemetry"
)

// openBennu opens a program as a user would write it, with nothing set but the concurrency.
// Until Work its queue is paused.
func openBennu(ctx context.Context, m one, did func(work)) (side, error) {
	url := m.URL
	if m.Engine == "sqlite" {
		url = "sqlite:" + url
	}
	repo := &data.Repo{URL: url}
	s := &bennuSide{job: job.Define("work", func(_ context.Context, w work) error { did(w); return nil })}
	runner := &job.Runner{Repo: repo, Jobs: []job.Definition{s.job}, Queues: map[string]job.Queue{job.DefaultQueue: {Concurrency: m.Set.Workers}}}
	logger := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	s.node = process.NewNode(telemetry.WithLogger(context.WithoutCancel(ctx), logger))
	var err error
	s.root, err = supervisor.Tree{Children: []supervisor.Child{{Name: "repo", Run: repo}, {Name: "jobs", Run: runner}}}.Start(s.node.Context(ctx))
	if err != nil {
		return nil, err
	}
	return s, job.PauseQueue(s.in(ctx), job.DefaultQueue, job.AllNodes)
}

type bennuSide struct {
	node *process.Node
	root *supervisor.Root
	job  *job.Job[work]
}

func (s *bennuSide) in(ctx context.Context) context.Context { return s.node.Context(ctx) }

func (s *bennuSide) Insert(ctx context.Context, w work) error {
	_, err := s.job.Enqueue(s.in(ctx), w)
	return err
}

func (s *bennuSide) InsertAll(ctx context.Context, all []work) error {
	_, err := s.job.EnqueueAll(s.in(ctx), all)
	return err
}

func (s *bennuSide) Work(ctx context.Context) error {
	return job.ResumeQueue(s.in(ctx), job.DefaultQueue, job.AllNodes)
}

func (s *bennuSide) Stop(context.Context) error {
	s.root.Stop()
	s.node.Close()
	return nil
}
