// Package config reads a program's settings from its flags and its environment
// into a struct.
//
// # Usage
//
// The struct is the declaration, the documentation and the result:
//
//	type options struct {
//		Addr string        `flag:"addr" env:"FLEET_ADDR" default:"127.0.0.1:4000" help:"where the page and the API listen"`
//		Key  string        `flag:"key" env:"FLEET_KEY" secret:"true" help:"signs the cookies"`
//		Keep time.Duration `flag:"keep" default:"720h" help:"how long positions are kept"`
//		Demo *bool         `flag:"demo" env:"FLEET_DEMO" help:"move units by itself"`
//	}
//
//	opts, err := config.Load[options]("fleet", os.Args[1:], os.LookupEnv)
//
// A flag wins over the environment, and the environment over the default. Flags
// are written as package [flag] has them: -x or --x, -x=y or -x y, and -x or
// -x=false for a bool. A variable that is set to nothing counts as not set.
//
// # Declaring
//
//	| tag     | it says                                                       |
//	|---------|---------------------------------------------------------------|
//	| flag    | the flag's name, without the dash                             |
//	| env     | the environment variable's name                               |
//	| default | what it is when neither is given; otherwise the type's zero   |
//	| help    | one line for -h                                               |
//	| secret  | "true" keeps the value out of errors and of -h                |
//
// A setting needs a flag, a variable or both. A field may be a string, a bool, a
// whole number of any size, a float, a [time.Duration], or whatever implements
// [encoding.TextUnmarshaler] by pointer, such as [log/slog.Level] and
// [net/netip.AddrPort]. A pointer to any of these is optional: nil when nothing
// sets it. A struct without tags holds further settings, so that each part of a
// program can declare its own. Other fields without tags are left alone.
//
// Whole numbers may be written as in Go (0x10, 1_000), floats must be finite, and
// durations have units (1m30s).
//
// # Failure
//
// What a user got wrong is fault.Invalid, all of it in one error: which flag or
// variable, what was given, what is wanted. -h prints the usage and gives
// [flag.ErrHelp]; a program then exits with 0.
//
// What the programmer got wrong (two flags of one name, a type that cannot be
// read, a default that is not of its type) panics at every start with a text that
// begins with "config:", so that it cannot reach a user.
package config
