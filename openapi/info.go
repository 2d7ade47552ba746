package openapi

import "github.com/bennu-go/bennu/web"

// Info is what the routes do not tell about an API. Only Title and Version are needed.
type Info struct {
	Title       string
	Version     string // of the API, as in "1.4"
	Description string // CommonMark
	Servers     []Server
	Tags        []Tag // which come first, and what is said of them

	// Security says below which paths a client has to show who it is.
	Security []Security

	// Host takes in the routes of [web.Router.Host] with that name, as it was given
	// there. "" is only those of any host.
	Host string

	// Describe is asked about every route, and changes what is said of it. What is Hidden
	// when it returns is left out.
	Describe func(web.Route, *Operation)
}

// Server is an address below which the API is, as in "https://api.example.com" or "/". No
// server is the one that the document comes from.
type Server struct {
	URL         string `json:"url"`
	Description string `json:"description,omitempty"`
}

// Tag is a group of operations.
type Tag struct {
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
}

// Operation is what the document says of a route besides its types.
type Operation struct {
	// ID is its name in the document and in the client: as preset, that of the action's
	// function. Two that are the same get more of where they come from; what Describe has
	// changed stays as it is.
	ID string

	Summary     string // in a line; preset by [web.Typed.Doc]
	Description string // CommonMark
	Tag         string // preset to the first part of the path that is no wildcard, api or v1
	Deprecated  bool

	// Hidden leaves it out. It is preset for what is no action of [web.JSON].
	Hidden bool

	// Answer is the media type of what a plain handler answers, as in "text/csv".
	Answer string
}
