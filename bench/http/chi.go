package main

import (
	"net/http"

	"github.com/go-chi/chi/v5"
)

func withChi() http.Handler {
	r := chi.NewRouter()
	r.Get("/plain", plain)
	r.Get("/json", showAda)
	r.Get("/users/{id}", func(w http.ResponseWriter, r *http.Request) {
		writeJSON(w, userOf(chi.URLParam(r, "id")))
	})
	r.Post("/echo", echoUser)
	r.Get("/html", showUsers(templates()))
	r.Get("/debug/mallocs", showMallocs)
	return r
}
