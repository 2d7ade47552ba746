module example.com/mistakes

go 1.26.0

require github.com/bennu-go/bennu v0.0.0

replace github.com/bennu-go/bennu => ../../../../..
