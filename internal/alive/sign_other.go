//go:build !linux

package alive

import "os"

const canLock = false

func lock(*os.File, int64) bool   { return false }
func isFree(*os.File, int64) bool { return false }
