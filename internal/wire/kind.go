package wire

import "github.com/bennu-go/bennu/fault"

// KindOf is the kind of an error that a reply says, in the words of package fault.
func KindOf(word string) (k fault.Kind, ok bool) {
	for k := fault.Internal; k <= fault.Canceled; k++ {
		if k.String() == word {
			return k, true
		}
	}
	return fault.Internal, false
}
