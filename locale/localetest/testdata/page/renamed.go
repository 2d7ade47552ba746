package page

import l "github.com/bennu-go/bennu/locale"

var a = l.T(nil, "Renamed") + locale.T(nil, "not ours")
