//go:build unix

package pgtest

import (
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"syscall"
)

const noUser missing = "PostgreSQL does not run as root, and there is no user postgres or nobody: " +
	"run the tests as another user, or set " + Env + " to the URL of a server"

// lowly is whom the server runs as, or nil if that is who we are.
func lowly() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
		gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
		if err1 == nil && err2 == nil {
			return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
		}
	}
	return nil, noUser
}

// lower makes a command run as whom the server runs as.
func lower(cmd *exec.Cmd) (err error) {
	cmd.SysProcAttr.Credential, err = lowly()
	return err
}

// makeFolder makes the folder of a server, and gives it to whom the server runs as. The
// path is to be short, since that of a socket may not have more than about 100 bytes.
func makeFolder() (string, error) {
	as, err := lowly()
	if err != nil {
		return "", err
	}
	parent := "" // TMPDIR
	if as != nil {
		parent = "/tmp" // the user may not be let into root's
	}
	folder, err := os.MkdirTemp(parent, "bennu-pg-")
	if err != nil || as == nil {
		return folder, err
	}
	return folder, os.Chown(folder, int(as.Uid), int(as.Gid))
}

// detach keeps what is typed at the terminal from a command.
func detach(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }

func suspend(pid int) error { return syscall.Kill(pid, syscall.SIGSTOP) }

// kill is content if the process is gone already.
func kill(pid int) error {
	if err := syscall.Kill(pid, syscall.SIGKILL); err != syscall.ESRCH {
		return err
	}
	return nil
}
