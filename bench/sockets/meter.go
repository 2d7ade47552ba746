package main

import "time"

// meter measures time, and the server's CPU time in it.
type meter struct {
	server server
	begun  time.Time
	cpu    time.Duration
}

func start(pid int) (m meter, err error) {
	m = meter{server: server(pid)}
	m.cpu, err = m.server.cpu()
	m.begun = time.Now()
	return m, err
}

// stop fills in the result of so many operations.
func (m meter) stop(r *result, ops int64) error {
	took := time.Since(m.begun)
	cpu, err := m.server.cpu()
	r.count(ops, took, cpu-m.cpu)
	return err
}
