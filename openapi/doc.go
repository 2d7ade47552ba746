// Package openapi describes the typed actions of a router: as an OpenAPI 3.1 document, as
// a page to read and try them, and as a TypeScript client. All of it comes from the Go
// types that the actions take and answer, so it cannot be out of date.
//
//	info := openapi.Info{Title: "Fleet", Version: "1.4"}
//	router.Handle("GET /openapi.json", openapi.Handler(router, info))
//	router.Mount("/docs", openapi.Explorer("/openapi.json"))
//
// # Usage
//
// Routes of [web.JSON] are listed; pages, plain handlers and mounts are not. What an
// action takes from path, query and header are parameters, and what is left is the body.
// The validate tags are limits, the tags doc and example say more, and [web.Typed.Doc]
// is the summary:
//
//	type List struct {
//		State []State `query:"state" doc:"Only those in one of these states."`
//		Limit *int    `query:"limit" validate:"omitempty,min=1,max=100" example:"20"`
//	}
//
//	router.Handle("GET /api/units", web.JSON(list).Doc("Lists the units"))
//
// An operation is called as the function behind it: list. Two of the same name get their
// type's or package's before it, as in unitsList, and if that is not enough, are called by
// method and path, as what has no name is: getApiUnits. A function at several routes has its
// name at the first, and at the others its method after it: updatePut.
//
// Info.Describe changes what is said of a route, leaves it out, or takes in one that is
// not an action:
//
//	Describe: func(r web.Route, op *openapi.Operation) {
//		switch r.Pattern {
//		case "/api/internal":
//			op.Hidden = true
//		case "/api/export.csv":
//			op.Hidden, op.Summary, op.Answer = false, "All units as CSV", "text/csv"
//		}
//	}
//
// Info.Security says how a client shows who it is. It describes, and does not check:
//
//	Security: []openapi.Security{openapi.Bearer("/api"), openapi.Public("/api/login")}
//
// # The explorer
//
// [Explorer] shows the document, and sends requests with the browser's cookies. Its keys
// are / for the filter, the arrows in the list, and Ctrl+Enter to send; #operationId is
// the address of an operation. Tokens that are typed in stay in the page. It is for those who
// may see the API: put it behind the same plugs.
//
// # TypeScript
//
//	import { createClient, Problem } from "./api";
//
//	const api = createClient({ baseUrl: "https://api.example.com" });
//	const unit = await api.showUnit({ id: 7, from: "2026-01-31T12:00:00Z" });
//
//	try {
//		await api.createUnit({ name: "" }, { signal });
//	} catch (e) {
//		if (e instanceof Problem) show(e.status, e.detail, e.errors["name"]);
//	}
//
// A call takes path, query, header and body in one, as the Go type does. One file without
// dependencies has the types and the client; it runs where there is fetch. It is written by
// go generate, and a test keeps it up to date:
//
//	//go:generate go test -run TestClient -write
//
//	func TestClient(t *testing.T) {
//		doc := openapi.Of(routes(), info)
//		if *write {
//			_ = doc.WriteFile("assets/api.ts")
//		}
//		if err := doc.CheckFile("assets/api.ts"); err != nil {
//			t.Error(err)
//		}
//	}
//
// Dates are strings, as they are in JSON. An answer that is a pointer may be undefined, for
// nil is an empty answer; one that is a value is not. An integer of 64 bits is a number, exact
// up to 2^53. A part of the path that is empty, "." or ".." is refused: it would be another
// address.
//
// # Guarantees
//
// The same routes give the same bytes. The handlers make theirs when first asked, and
// answer with an ETag and "Cache-Control: no-cache". All are safe for concurrent use.
//
// # Failure
//
// [Of] panics with "openapi: …" or "schema: …" if Info is not complete, two operations are
// given one name, or a type cannot be JSON. A handler that meets that answers 500 and logs
// it; the test above finds it before.
//
// # Limits
//
//   - The status of an answer with a method StatusCode is what its zero value says, or 2XX
//     if that cannot tell.
//   - Which errors an action returns is not in its type: what package web refuses by itself is
//     listed, and the rest is the default answer, a problem.
//   - OpenAPI tells paths apart without the names of their wildcards: of GET /files/{name} and
//     GET /files/{path...} the document has the first that is wired. Of PATCH /units/{unit}
//     beside GET /units/{id} it calls the parameter id. The client has all, under their names.
//   - It has no wildcard for a rest of the path: {path...} is {path}, and its parameter has
//     x-rest.
//   - A route for any method is listed as POST if it takes a body, and else as GET.
//   - The headers Accept, Content-Type and Authorization are no parameters in OpenAPI. The
//     client takes them.
//   - What comes from two places under one name, as {id} and the body's id, is one value in
//     the client, and sent to both.
//
// # Testing
//
// [Document.CheckFile] is a test of what clients see: a change of the API is a change of a
// file that is reviewed.
package openapi
