package supervisor

// Strategy says who is restarted along with a child that must be.
//
// With OneForAll and RestForOne the others are stopped in reverse order, and then all are
// started in order. Those that had ended are started too; temporary ones are removed. The
// calls and casts that wait for them survive. All that is one restart.
type Strategy uint8

// The strategies.
const (
	OneForOne  Strategy = iota // nobody
	OneForAll                  // all children
	RestForOne                 // those that were started after it
)

// String is the strategy in OTP's words, as in "one_for_all".
func (s Strategy) String() string {
	return [...]string{"one_for_one", "one_for_all", "rest_for_one"}[s]
}

// AutoShutdown says when the end of significant children is the end of their tree. Only
// an end by itself counts, not one that the supervisor caused: a clean one of a transient
// child, any of a temporary one. The tree stops its children in reverse order and ends
// with process.Shutdown.
type AutoShutdown uint8

// When a tree ends by itself.
const (
	Never          AutoShutdown = iota // it has no significant children
	AnySignificant                     // when one has ended
	AllSignificant                     // when the last one that was active has ended
)

// String is the setting in OTP's words, as in "any_significant".
func (a AutoShutdown) String() string {
	return [...]string{"never", "any_significant", "all_significant"}[a]
}
