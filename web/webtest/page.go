package webtest

import (
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/andybalholm/cascadia"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// Selection is what a CSS selector has found on a page.
type Selection struct {
	page  *Response
	named string // by its selectors
	nodes []*html.Node
}

// Find gives all elements of an HTML answer that match a CSS selector, as in
// "table tr td.name"; there may be none. As a browser without scripts sees it, what is
// in a noscript is on the page, and what is in a template is not.
func (r *Response) Find(selector string) Selection {
	r.t.Helper()
	return Selection{r, "", []*html.Node{r.document()}}.Find(selector)
}

// Find gives all elements inside of these that match a CSS selector.
func (s Selection) Find(selector string) Selection {
	s.page.t.Helper()
	match, err := cascadia.ParseGroup(selector)
	if err != nil {
		s.page.t.Fatalf("webtest: the selector %q: %v", selector, err)
	}
	found := Selection{page: s.page, named: strings.TrimSpace(s.named + " " + selector)}
	seen := make(map[*html.Node]bool)
	for _, n := range s.nodes {
		for _, m := range cascadia.QueryAll(n, match) {
			if !seen[m] {
				seen[m] = true
				found.nodes = append(found.nodes, m)
			}
		}
	}
	return found
}

// Len is how many elements there are.
func (s Selection) Len() int { return len(s.nodes) }

// All gives the elements one by one, in the order of the page.
func (s Selection) All() iter.Seq[Selection] {
	return func(yield func(Selection) bool) {
		for i, n := range s.nodes {
			if !yield(Selection{s.page, fmt.Sprintf("%s (%d of %d)", s.named, i+1, len(s.nodes)), []*html.Node{n}}) {
				return
			}
		}
	}
}

// Text gives the text of the one element there is: without tags, white space made
// single spaces. It ends the test if there are none or more.
func (s Selection) Text() string {
	s.page.t.Helper()
	return textOf(s.one())
}

// Texts gives the text of each element.
func (s Selection) Texts() []string {
	var texts []string
	for _, n := range s.nodes {
		texts = append(texts, textOf(n))
	}
	return texts
}

// Attr gives an attribute of the one element there is. It ends the test if there are
// none or more, or it has no such attribute; "input[checked]" finds those that have.
func (s Selection) Attr(name string) string {
	s.page.t.Helper()
	n := s.one()
	value, ok := attr(n, name)
	if !ok {
		s.page.fatalf("%s has no attribute %q: %s", s.named, name, tag(n))
	}
	return value
}

func (s Selection) one() *html.Node {
	s.page.t.Helper()
	if len(s.nodes) != 1 {
		s.page.fatalf("%d elements match %q, want one%s", len(s.nodes), s.named, listed(s.Texts()))
	}
	return s.nodes[0]
}

// Shows asserts that an element that matches a CSS selector has that text in its own.
func (r *Response) Shows(selector, text string) *Response {
	r.t.Helper()
	found := r.Find(selector)
	if !slices.ContainsFunc(found.Texts(), func(have string) bool { return strings.Contains(have, text) }) {
		r.fatalf("none of %d elements that match %q shows %q%s", found.Len(), selector, text, listed(found.Texts()))
	}
	return r
}

// Click follows a link, or presses a submit button as [Response.Submit] does, as a
// browser would: the one element that matches a CSS selector. It ends the test if
// there is none, or the link leads to another host.
func (r *Response) Click(selector string) *Response {
	r.t.Helper()
	found := r.Find(selector)
	n := found.one()
	if n.DataAtom == atom.Button || n.DataAtom == atom.Input {
		return r.Submit(selector, nil)
	}
	href, ok := attr(n, "href")
	if !ok || n.DataAtom != atom.A && n.DataAtom != atom.Area {
		r.fatalf("%s is neither a link nor a button: %s", selector, tag(n))
	}
	return r.visit(ask{method: "GET", url: r.resolve(href)})
}

// document is the page as a tree, without the content of templates.
func (r *Response) document() *html.Node {
	r.t.Helper()
	if r.page == nil {
		page, err := parse(r.Body)
		if err != nil {
			r.fatalf("the answer is not HTML: %v", err)
		}
		for n := range page.Descendants() {
			for n.DataAtom == atom.Template && n.FirstChild != nil {
				n.RemoveChild(n.FirstChild)
			}
		}
		r.page = page
	}
	return r.page
}

// parse reads a page, or a part of one that scripts put into a table.
func parse(text string) (*html.Node, error) {
	noScripts := html.ParseOptionEnableScripting(false)
	part := false
	for tokens := html.NewTokenizer(strings.NewReader(text)); tokens.Next() != html.ErrorToken; {
		token := tokens.Token()
		if token.Type == html.DoctypeToken {
			break
		}
		if token.Type == html.StartTagToken {
			part = ofTable(token.DataAtom)
			break
		}
	}
	if !part {
		return html.ParseWithOptions(strings.NewReader(text), noScripts)
	}
	nodes, err := html.ParseFragmentWithOptions(strings.NewReader(text),
		&html.Node{Type: html.ElementNode, Data: "template", DataAtom: atom.Template}, noScripts)
	root := &html.Node{Type: html.DocumentNode}
	for _, n := range nodes {
		root.AppendChild(n)
	}
	return root, err
}

// ofTable tells that an element is nothing outside of a table.
func ofTable(a atom.Atom) bool {
	switch a {
	case atom.Tr, atom.Td, atom.Th, atom.Thead, atom.Tbody, atom.Tfoot, atom.Caption, atom.Col, atom.Colgroup:
		return true
	}
	return false
}

func textOf(n *html.Node) string {
	var out strings.Builder
	writeText(&out, n)
	return strings.Join(strings.Fields(out.String()), " ")
}

func writeText(out *strings.Builder, n *html.Node) {
	switch n.Type {
	case html.TextNode:
		out.WriteString(n.Data)
	case html.ElementNode, html.DocumentNode:
		if n.DataAtom == atom.Script || n.DataAtom == atom.Style {
			return
		}
		for c := range n.ChildNodes() {
			apart := c.Type == html.ElementNode && !isInline(c.DataAtom)
			if apart {
				out.WriteByte(' ')
			}
			writeText(out, c)
			if apart {
				out.WriteByte(' ')
			}
		}
	}
}

// isInline tells that an element does not part words.
func isInline(a atom.Atom) bool {
	switch a {
	case atom.A, atom.Abbr, atom.B, atom.Bdi, atom.Bdo, atom.Cite, atom.Code, atom.Data, atom.Del, atom.Dfn,
		atom.Em, atom.Font, atom.I, atom.Ins, atom.Kbd, atom.Label, atom.Mark, atom.Q, atom.S, atom.Samp,
		atom.Small, atom.Span, atom.Strong, atom.Sub, atom.Sup, atom.Time, atom.U, atom.Var, atom.Wbr:
		return true
	}
	return false
}

func attr(n *html.Node, name string) (value string, ok bool) {
	for _, a := range n.Attr {
		if a.Namespace == "" && strings.EqualFold(a.Key, name) {
			return a.Val, true
		}
	}
	return "", false
}

func has(n *html.Node, name string) bool { _, ok := attr(n, name); return ok }

// tag shows an element without its content.
func tag(n *html.Node) string {
	return html.Token{Type: html.StartTagToken, DataAtom: n.DataAtom, Data: n.Data, Attr: n.Attr}.String()
}

// listed shows some of the texts that were found.
func listed(texts []string) string {
	const most = 10
	var out strings.Builder
	for i, text := range texts {
		if i == most {
			fmt.Fprintf(&out, "\n  … %d more", len(texts)-most)
			break
		}
		fmt.Fprintf(&out, "\n  %q", cut(text, 200))
	}
	return out.String()
}
