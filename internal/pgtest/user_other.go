//go:build !unix

package pgtest

import "os/exec"

const noUnix missing = "PostgreSQL is started for tests on Unix only: set " + Env + " to the URL of a server"

func makeFolder() (string, error) { return "", noUnix }
func lower(*exec.Cmd) error       { return noUnix }
func detach(*exec.Cmd)            {}
func suspend(int) error           { return noUnix }
func kill(int) error              { return noUnix }
