package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// postgres starts a PostgreSQL server with its default settings, so with fsync and
// synchronous_commit on, or takes the one that is there.
func postgres(ctx context.Context, s *settings) (fresh func(context.Context) (string, func(), error), stop func(), err error) {
	server, stop := s.Postgres, func() {}
	if server == "" {
		if server, s.Postmaster, stop, err = startPostgres(ctx, s.Dir); err != nil {
			return nil, nil, err
		}
	}
	n := 0
	fresh = func(ctx context.Context) (string, func(), error) {
		n++
		name := fmt.Sprintf("bench_jobs_%d_%d", os.Getpid(), n)
		if err := execute(ctx, server, "CREATE DATABASE "+name, "CHECKPOINT"); err != nil {
			return "", nil, err
		}
		u, err := url.Parse(server)
		if err != nil {
			return "", nil, err
		}
		u.Path = "/" + name
		return u.String(), func() { execute(context.WithoutCancel(ctx), server, "DROP DATABASE "+name+" WITH (FORCE)") }, nil
	}
	return fresh, stop, nil
}

func execute(ctx context.Context, url string, statements ...string) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	for _, sql := range statements {
		if _, err := conn.Exec(ctx, sql); err != nil {
			return err
		}
	}
	return nil
}

// startPostgres makes a cluster in a folder of dir and starts a server for it. PostgreSQL
// refuses to run as root; then it runs as the user postgres.
func startPostgres(ctx context.Context, dir string) (url string, pid int, stop func(), err error) {
	bin, err := binaries()
	if err != nil {
		return "", 0, nil, err
	}
	attr := &syscall.SysProcAttr{Pdeathsig: syscall.SIGINT} // which is a fast shutdown
	cluster := filepath.Join(dir, "postgres")
	if err := os.Mkdir(cluster, 0o700); err != nil {
		return "", 0, nil, err
	}
	if os.Getuid() == 0 {
		uid, gid, err := unprivileged()
		if err != nil {
			return "", 0, nil, err
		}
		attr.Credential = &syscall.Credential{Uid: uid, Gid: gid}
		if err := errors.Join(os.Chmod(dir, 0o711), os.Chown(cluster, int(uid), int(gid))); err != nil {
			return "", 0, nil, err
		}
	}
	initdb := exec.CommandContext(ctx, filepath.Join(bin, "initdb"), "-D", cluster, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
	initdb.Dir, initdb.SysProcAttr = cluster, attr
	if out, err := initdb.CombinedOutput(); err != nil {
		return "", 0, nil, fmt.Errorf("initdb: %w\n%s", err, out)
	}
	port, err := freePort()
	if err != nil {
		return "", 0, nil, err
	}
	var log bytes.Buffer
	server := exec.Command(filepath.Join(bin, "postgres"), "-D", cluster, "-p", port, "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=")
	server.Dir, server.SysProcAttr, server.Stderr = cluster, attr, &log
	if err := server.Start(); err != nil {
		return "", 0, nil, err
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Wait() }()
	stop = func() {
		server.Process.Signal(syscall.SIGINT)
		<-ended
	}
	url = "postgres://postgres@127.0.0.1:" + port + "/postgres?sslmode=disable"
	for {
		if err = execute(ctx, url, "SELECT 1"); err == nil {
			return url, server.Process.Pid, stop, nil
		}
		select {
		case <-ended:
			return "", 0, nil, fmt.Errorf("postgres has ended: %s", log.Bytes())
		case <-ctx.Done():
			stop()
			return "", 0, nil, ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// binaries is the folder of the newest PostgreSQL of the machine.
func binaries() (string, error) {
	if path, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(path), nil
	}
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if len(found) == 0 {
		return "", errors.New("there is no initdb; install postgresql, name a server with -postgres, or leave it out with -engines sqlite")
	}
	slices.SortFunc(found, func(a, b string) int { return len(a) - len(b) })
	return filepath.Dir(found[len(found)-1]), nil
}

func unprivileged() (uid, gid uint32, err error) {
	u, err := user.Lookup("postgres")
	if err != nil {
		return 0, 0, fmt.Errorf("PostgreSQL does not run as root: %w", err)
	}
	id, err1 := strconv.ParseUint(u.Uid, 10, 32)
	group, err2 := strconv.ParseUint(u.Gid, 10, 32)
	return uint32(id), uint32(group), errors.Join(err1, err2)
}

func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, err
}
