package processtest

// Mark is mark, to be tested with less patience.
var Mark = mark
