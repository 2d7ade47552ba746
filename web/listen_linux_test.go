package web_test

import (
	"net"
	"net/http"
	"syscall"
	"testing"

	"github.com/bennu-go/bennu/web"
)

// Connections have the keep-alive that package net gives them, whoever sets it.
func TestKeepAlive(t *testing.T) {
	got := make(chan map[string]int, 1)
	e, _, client, _ := serve(t, &web.Endpoint{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			close(got)
			return
		}
		defer conn.Close()
		got <- options(t, conn.(*net.TCPConn))
	})})
	if res, err := client.Get(e.URL()); err == nil {
		res.Body.Close()
	}
	have := <-got
	for name, value := range map[string]int{"keep-alive": 1, "idle": 15, "interval": 15, "count": 9} {
		if have[name] != value {
			t.Errorf("%s is %d, want %d", name, have[name], value)
		}
	}
}

func options(t *testing.T, conn *net.TCPConn) map[string]int {
	raw, err := conn.SyscallConn()
	if err != nil {
		t.Error(err)
		return nil
	}
	all := make(map[string]int)
	err = raw.Control(func(fd uintptr) {
		for name, o := range map[string][2]int{
			"keep-alive": {syscall.SOL_SOCKET, syscall.SO_KEEPALIVE},
			"idle":       {syscall.IPPROTO_TCP, syscall.TCP_KEEPIDLE},
			"interval":   {syscall.IPPROTO_TCP, syscall.TCP_KEEPINTVL},
			"count":      {syscall.IPPROTO_TCP, syscall.TCP_KEEPCNT},
		} {
			if all[name], err = syscall.GetsockoptInt(int(fd), o[0], o[1]); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
	if err != nil {
		t.Error(err)
	}
	return all
}
