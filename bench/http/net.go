package main

import (
	"bytes"
	"encoding/json"
	"html/template"
	"io"
	"net/http"
)

func bare() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /plain", plain)
	mux.HandleFunc("GET /json", showAda)
	mux.HandleFunc("GET /users/{id}", func(w http.ResponseWriter, r *http.Request) {
		writeJSON(w, userOf(r.PathValue("id")))
	})
	mux.HandleFunc("POST /echo", echoUser)
	mux.HandleFunc("GET /html", showUsers(templates()))
	mux.HandleFunc("GET /debug/mallocs", showMallocs)
	return mux
}

func plain(w http.ResponseWriter, _ *http.Request) { writeText(w, "hello") }

func showMallocs(w http.ResponseWriter, _ *http.Request) { writeText(w, mallocs()) }

func showAda(w http.ResponseWriter, _ *http.Request) { writeJSON(w, ada()) }

func echoUser(w http.ResponseWriter, r *http.Request) {
	var u user
	if err := json.NewDecoder(r.Body).Decode(&u); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	writeJSON(w, u)
}

// showUsers renders into a buffer, so that a failure can still be answered with 500.
func showUsers(t *template.Template) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		var page bytes.Buffer
		if err := t.ExecuteTemplate(&page, "layout", users()); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Write(page.Bytes())
	}
}

func writeText(w http.ResponseWriter, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	io.WriteString(w, text)
}

func writeJSON(w http.ResponseWriter, v any) {
	data, err := json.Marshal(v)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Write(data)
}
