package statem

// Named is how many Timeouts a machine keeps.
func Named[D any, S comparable, P Of[D, S]](d P) int { return len(d.machine().run.named) }
