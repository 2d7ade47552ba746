package main

import "regexp"

// nameRule is for users and rooms.
const nameRule = "must consist of letters and digits, with spaces or . ' _ - between them"

var nameForm = regexp.MustCompile(`^[\pL\pN](?:[ .'’_-]{0,2}[\pL\pN\pM])*$`)

func isName(text string) bool { return nameForm.MatchString(text) }
