package page

import . "github.com/bennu-go/bennu/locale"

var b = T(nil, "Dot") + N(nil, "one", "Dots", 1)
var c = T() + N(nil)
