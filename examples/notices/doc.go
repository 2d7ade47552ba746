// Notices is the notice board of a neighbourhood, and shows the web layer: pages, forms, a
// live list and an API, in one program.
//
//	go run ./examples/notices        # http://127.0.0.1:4000, in notices.db and notices-photos
//	go run ./examples/notices -dev   # with errors for developers, styles and templates as they are on the disk
//	go run ./examples/notices -tls   # https, with a certificate of its own
//	go run ./examples/notices -db postgres://ann@localhost/notices
//
// People sign up, write notices with a photo, and reply to each other; whoever has the list
// open sees a new notice at once. The letter with the link to edit a notice without logging in
// is a job, inserted with the notice, so that it is sent exactly if the notice is up; here it
// goes to the log, with -dev.
//
//	GET /docs                        the API, to read and to try
//	GET /api/client.ts               its client, for a single-page app
//	GET /notices.csv                 all notices
//	GET /report/2026                 the year, to be printed
//	GET /admin                       with -admin-password, as admin
//
// # Where to begin
//
// main.go is the tree, routes.go the router. notice.go has what a notice is: the form and
// the API hold to the same rules. board.go is the one process that puts notices up, so that
// the live list has them in their order; store.go reads, beside it. A page's actions are in
// the file of its noun, its templ components in the file of the same name. What is tested,
// and how, is in the tests, one for each feature.
package main

//go:generate go run github.com/a-h/templ/cmd/templ@v0.3.977 generate
