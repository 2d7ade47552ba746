package page

func d() { T(nil, "not ours"); locale.T(nil, "not ours") }
