// Package text is what a program has to know about the texts that people write: when
// two names are one, how long a text is to its reader, where it may be cut, and what it
// looks like in a URL.
//
// # Usage
//
//	name, err := text.Username("Ｂｏｂ")    // "bob": wide letters and case are no difference
//	text.Characters("👩‍👩‍👧 né")               // 4, which are 22 bytes
//	text.Truncate("A long story", 7)       // "A long…"
//	text.Slug("Crème brûlée, für 2!")      // "creme-brulee-fur-2"
//	text.NFC("e\u0301")                    // "é": the same text as the same bytes
//
// A login is looked up by what [Username] gives, and stored so, next to the name as it
// was written if that is to be shown. What is compared, searched or unique otherwise, as
// titles and tags, is stored as [NFC].
//
// # Guarantees
//
// All functions are pure and safe for concurrent use, take any bytes, and never panic.
// Username, NFC and Slug change nothing of what they have given themselves.
//
// # Limits
//
// A name has at most [MostUsername] characters. The others take what they get: bound
// what comes from outside before. A reader's character can have any number of bytes,
// since accents can be heaped on a letter: a limit of characters alone is none of
// bytes.
//
// Names in one script that look like names in another, "сосо" in Cyrillic and "coco",
// are different names. Only those that mix Latin, Greek and Cyrillic letters are refused.
//
// # Failure
//
// [Username] refuses with [fault.Invalid], in words for whoever chose the name. Nothing
// else fails.
//
// # Testing
//
// There is nothing to set up.
package text
