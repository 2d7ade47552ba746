package page

import "github.com/bennu-go/bennu/locale"

var e = locale.T(nil, "in a test")
