package alive_test

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/bennu-go/bennu/internal/alive"
)

// childEnv is the path of the file of which this program is an owner, when it is a child.
const childEnv = "BENNU_ALIVE_TEST_CHILD"

func TestMain(m *testing.M) {
	if path := os.Getenv(childEnv); path != "" {
		var w alive.Watch
		fmt.Println(enroll(&w, path))
		fmt.Scanln() // until it is killed
		w.Close()
		return
	}
	os.Exit(m.Run())
}

// enroll makes an owner whose row is stored.
func enroll(w *alive.Watch, path string) (id int64) {
	_, _ = w.Enroll(path, func(n int64) error { id = n; return nil })
	return id
}

// owner is another program.
type owner struct {
	*exec.Cmd
	id int64
}

func startOwner(t *testing.T, path string) owner {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+path)
	out, err := cmd.StdoutPipe()
	if err == nil {
		_, err = cmd.StdinPipe() // which stays open
	}
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	o := owner{Cmd: cmd}
	t.Cleanup(o.kill)
	line, _ := bufio.NewReader(out).ReadString('\n')
	if _, err := fmt.Sscan(line, &o.id); err != nil {
		t.Fatal(err)
	}
	return o
}

func (o owner) kill() {
	_ = o.Process.Kill()
	_ = o.Wait()
}

func newFile(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "app.db")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func enrolled(t *testing.T, path string) *alive.Watch {
	t.Helper()
	w := &alive.Watch{Lease: lease}
	enroll(w, path)
	t.Cleanup(w.Close)
	return w
}

func isDead(w *alive.Watch, id int64) bool {
	w.Look(counts{id: 1})
	_, dead := w.Dead()[id]
	return dead
}

func TestSignOfAProgramThatIsKilled(t *testing.T) {
	t.Parallel()
	path := newFile(t)
	link := filepath.Join(t.TempDir(), "link.db")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	a, b := startOwner(t, path), startOwner(t, link)
	w := enrolled(t, path)
	for what, do := range map[string]func(){
		"runs":       func() {},
		"is stopped": func() { _ = a.Process.Signal(syscall.SIGSTOP) },
	} {
		if do(); isDead(w, a.id) || isDead(w, b.id) {
			t.Errorf("one that %s is dead", what)
		}
	}
	if a.kill(); !isDead(w, a.id) || isDead(w, b.id) {
		t.Error("it is another one that is dead")
	}
	if b.kill(); !isDead(w, b.id) {
		t.Error("one that was killed lives")
	}
	if c := startOwner(t, path); isDead(w, c.id) || !isDead(w, a.id) {
		t.Error("a new one is taken for the old one")
	}
}

func TestSignsInOneProgram(t *testing.T) {
	t.Parallel()
	path := newFile(t)
	w := enrolled(t, path)
	var a, b alive.Watch
	first, second := enroll(&a, path), enroll(&b, path)
	if b.Close(); isDead(w, first) || !isDead(w, second) {
		t.Error("it is another one that is dead")
	}
	b.Close()
	renewed := enroll(&a, path)
	if isDead(w, renewed) || !isDead(w, first) {
		t.Error("one that has begun anew is dead, or its old self lives")
	}
	_, err := a.Enroll(path, func(n int64) error { second = n; return errors.New("not stored") })
	if err == nil || isDead(w, renewed) || !isDead(w, second) {
		t.Errorf("one that was not stored lives, or took the place of another (%v)", err)
	}
	if a.Close(); !isDead(w, renewed) {
		t.Error("one that has left lives")
	}
	if w.Close(); isDead(w, renewed) {
		t.Error("one without a sign knows of those of others")
	}
}

// Where there are no locks only the lease counts.
func TestNoSign(t *testing.T) {
	t.Parallel()
	path := newFile(t)
	w := enrolled(t, path)
	away, taken := filepath.Join(t.TempDir(), "away.db"), newFile(t)
	if err := os.Mkdir(taken+"-alive", 0o700); err != nil {
		t.Fatal(err)
	}
	for _, none := range []string{"", away, taken} {
		var o alive.Watch
		id := enroll(&o, none)
		if o.Close(); id <= 0 || isDead(w, id) {
			t.Errorf("%q: owner %d, that never had a sign, is dead without it", none, id)
		}
	}
	info, err := os.Stat(path + "-alive")
	if err != nil || info.Size() != 0 {
		t.Errorf("the file of the signs is %+v, %v", info, err)
	}
}
