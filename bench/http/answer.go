package main

import (
	"embed"
	"html/template"
	"runtime"
	"strconv"
)

type user struct {
	Active bool     `json:"active"`
	Email  string   `json:"email"`
	ID     int      `json:"id"`
	Name   string   `json:"name"`
	Tags   []string `json:"tags"`
}

func ada() user {
	return user{Active: true, Email: "ada@example.com", ID: 42, Name: "Ada Lovelace", Tags: []string{"admin", "staff"}}
}

type named struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

func userOf(id string) named { return named{ID: id, Name: "User " + id} }

type list struct {
	Title string
	Users []user
}

func users() list {
	l := list{Title: "Users", Users: make([]user, 20)}
	for i := range l.Users {
		id := strconv.Itoa(i + 1)
		l.Users[i] = user{ID: i + 1, Name: "User " + id, Email: "user" + id + "@example.com"}
	}
	return l
}

//go:embed page
var pages embed.FS

func templates() *template.Template { return template.Must(template.ParseFS(pages, "page/*.html")) }

// mallocs is the number of all allocations of this program so far.
func mallocs() string {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return strconv.FormatUint(m.Mallocs, 10)
}
