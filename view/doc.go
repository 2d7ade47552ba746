// Package view renders HTML on the server.
//
// Whatever can be shown is a view, by one method:
//
//	Render(ctx context.Context, w io.Writer) error
//
// The components of [templ] have it, and are the way to write views that we show first:
// they are typed and compiled, and about nine times as fast. This package gives it to
// files of html/template, for those who like those better, or have them already. The two
// go into each other.
//
// # With templ
//
// A layout is a component with children, a slot is a parameter of type templ.Component,
// and what belongs to the request comes from ctx, which every component has:
//
//	templ Layout(title string) {
//		<html>
//			<head><title>{ title }</title><meta name="csrf-token" content={ csrf(ctx) }/></head>
//			<body>{ children... }</body>
//		</html>
//	}
//
//	templ Card(header templ.Component) {
//		<div class="card"><header>@header</header>{ children... }</div>
//	}
//
//	templ Show(u User) {
//		@Layout(u.Name) {
//			@Card(Title(u)) { <p>{ u.Email }</p> }
//		}
//	}
//
// An action returns it: return Show(user), nil. Nothing of this package is needed.
//
// # With html/template
//
// The files, whose names end in .html, are embedded:
//
//	layouts/app.html       around every page
//	components/card.html   what pages share: {{template "card" .}}
//	users/show.html        a page
//
//	//go:embed layouts components users
//	var files embed.FS
//
//	templates, err := view.Load(files)
//	router := web.NewRouter(templates.Plug)
//
// A page is named by a constant, which has the type of its data:
//
//	const Show view.Page[User] = "users/show"
//
//	func show(ctx context.Context, in Query) (web.View, error) {
//		…
//		return Show.View(user), nil
//	}
//
// [Templates.Check] tells at start, or in a test, whether the files fit the types:
//
//	err := templates.Check(users.Show, users.Index) // users/show.html:3:12: at <.Nmae>: …
//
// Outside of a request, as for a mail, [With] gives the templates to a context.
//
// # Layouts
//
// A layout has a place for the page, and blocks that a page may define in its own way:
//
//	<title>{{block "title" .}}Fleet{{end}}</title>   layouts/app.html
//	<main>{{template "content" .}}</main>
//
//	{{define "title"}}{{.Name}}{{end}}               users/show.html
//	<h1>{{.Name}}</h1>
//
// A layout has the data of the page, whatever that is; what it needs on every page comes
// from functions that know the request, or stands in a block. Another layout is a constant
// too, and a plug:
//
//	const Admin view.Layout = "admin" // layouts/admin.html
//
//	admin := router.Scope("/admin", Admin.Plug)
//
// [Layout] says who else may choose it. [None] is the page alone.
//
// # Functions
//
// [Funcs] are given to Load. One that has a context as its first parameter gets that of
// the rendering, so {{csrf}} or {{t "hello"}} know their request. This needs no copy of the
// templates per request: the templates that use such functions are rewritten once, when
// they are compiled, so that the context comes with the dot. Those that use none stay as
// they are.
//
// # Components and slots
//
// {{template "card" .}} suffices where nothing goes into the card. Otherwise:
//
//	{{component "card" .Team}}
//		<p>{{len .Team.Members}} members</p>
//	{{slot "header"}}
//		<h2>{{.Team.Name}}</h2>
//	{{endcomponent}}
//
//	<div class="card" id="team-{{.ID}}">             components/card.html
//		{{with renderSlot "header"}}<header>{{.}}</header>{{end}}
//		{{renderSlot}}
//	</div>
//
// What is in a slot is written where the component is used, with its dot and variables; it
// may itself use components. The component has its own data as its dot, here .Team. What is
// before the first slot is {{renderSlot}}. Space around a slot's content is cut off; a slot
// that was given twice, as in a range, has both.
//
// html/template escapes a slot's content where it is written. So component, slot and
// endcomponent may only be where tags may be, and a slot must have all of a tag or
// nothing: Render refuses others. Wherever a component puts the content it is escaped again
// if it must be: in an attribute it is without tags, in a script it is a string.
//
// {{render .Chart}} puts any view into a template, such as a templ component that is in
// the data. In templ, @Show.View(user).Layout(view.None) is a component.
//
// # Failure
//
// Load tells of all files that are wrong. An [Error] has file, line and the code around it, for
// the page that a developer gets. Render writes to memory first, and sends all or nothing.
// It ends, between two pieces of 4 KiB, when its context does. A panic in a function or a
// method that a template calls is an error of Render.
//
// With [Reload], for development, the files are read from the disk when they have changed.
//
// # Guarantees
//
// All is safe for concurrent use; data is only read. Escaping is html/template's, by context.
// The names "content", component, slot, endcomponent, renderSlot and render are taken. A name
// that two components define, or a component and a page, is an error of Load.
//
// # Limits
//
//	| what                                          | limit                              |
//	|-----------------------------------------------|------------------------------------|
//	| components in components, views in views      | 100                                |
//	| templates in templates                        | html/template's 100,000            |
//	| a page                                        | none; it is in memory once         |
//	| memory that is kept for the next page         | 1 MiB for each at the same time    |
//
// A table of 20 rows in a layout takes 92 µs, as with html/template alone; with templ it
// takes 10 µs. A {{template}} whose template needs the context takes 1.8 µs more each
// time, a component with a slot about 5 µs. 50 pages load in 4 ms.
//
// # Testing
//
// A view is rendered into a strings.Builder, with view.With(t.Context(), templates).
// testing/fstest.MapFS makes templates of strings.
//
// [templ]: https://templ.guide
package view
