package form_test

import (
	"reflect"
	"strings"
	"testing"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"github.com/bennu-go/bennu/changeset"
	"github.com/bennu-go/bennu/form"
	"github.com/bennu-go/bennu/web"
)

// node is an element as a browser sees it: [tag, attribute, value, …], and its text.
type node struct {
	tag  []string
	text string
}

// parsed is what is on a page, in its order.
func parsed(t *testing.T, text string) (all []node) {
	t.Helper()
	nodes, err := html.ParseFragment(strings.NewReader(text), &html.Node{Type: html.ElementNode, Data: "body", DataAtom: atom.Body})
	if err != nil {
		t.Fatal(err)
	}
	var walk func(n *html.Node)
	walk = func(n *html.Node) {
		if n.Type != html.ElementNode {
			return
		}
		one := node{tag: []string{n.Data}}
		for _, a := range n.Attr {
			one.tag = append(one.tag, a.Key, a.Val)
		}
		for c := range n.ChildNodes() {
			if c.Type == html.TextNode {
				one.text += c.Data
			}
		}
		all = append(all, one)
		for c := range n.ChildNodes() {
			walk(c)
		}
	}
	for _, n := range nodes {
		if n.Type == html.TextNode {
			all = append(all, node{text: n.Data})
		}
		walk(n)
	}
	return all
}

// clean is what a page can show of a text.
func clean(text string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "\uFFFD")
}

func element(text string, tag ...string) node {
	for i := range tag {
		tag[i] = clean(tag[i])
	}
	return node{tag, clean(text)}
}

// Whatever is given, the page has the elements that it is to have, with these values.
func FuzzRender(f *testing.F) {
	f.Add("user", hostile, "<label>", "hint' onfocus=x", "wrong</p>", "data", "\r\n\"x")
	f.Add("a b\t[", "</textarea><script>", "&amp;", "<!--", "]]>", "a:b", "\x00\xff")
	f.Add("", "\r\n\nx\r", "</label", "-->", "<svg>", "x-", "`")
	f.Fuzz(func(t *testing.T, name, value, label, hint, message, attr, of string) {
		type one struct{ Note string }
		fixed := strings.ToValidUTF8(value, "\uFFFD")
		cs := changeset.Cast(one{}, changeset.Params{"note": value}, "note").Inclusion("note", of)
		cs.AddError("note", changeset.Message{Text: message}).ShowErrors()
		f := cs.Form(name)
		field := f.Field("note")
		id := strings.Join(strings.Fields(field.ID), "_")
		attr = "data-" + attr
		var errors []node
		for _, text := range field.Errors {
			errors = append(errors, element(text, "p"))
		}
		after := append(append([]node{element("", "div", "class", "form-error", "id", id+"_error")}, errors...),
			element(hint, "p", "class", "form-hint", "id", id+"_hint"))
		notes := []string{"aria-invalid", "true", "aria-describedby", id + "_error " + id + "_hint", attr, of}
		head := []node{element("", "div", "class", "form-field"), element(label, "label", "for", id)}
		selected := []node{element(label+"x", "option", "value", of)}
		if fixed == of {
			selected[0].tag = append(selected[0].tag, "selected", "")
		} else if fixed != "" {
			selected = append([]node{element("", "option", "value", "", "selected", "")}, selected...)
		}
		for v, want := range map[web.View][]node{
			dress(form.Text(f, "note"), label, hint, attr, of):     {element("", append([]string{"input", "type", "text", "id", id, "name", field.Name, "value", fixed}, notes...)...)},
			dress(form.Textarea(f, "note"), label, hint, attr, of): {element(fixed, append([]string{"textarea", "id", id, "name", field.Name}, notes...)...)},
			dress(form.Select(f, "note", form.Option{Value: of, Label: label + "x"}), label, hint, attr, of): append([]node{
				element("", append([]string{"select", "id", id, "name", field.Name}, notes...)...)}, selected...),
		} {
			var b strings.Builder
			err := v.Render(t.Context(), &b)
			if strings.ContainsFunc(attr, func(r rune) bool {
				return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_:.@", r)
			}) {
				if err == nil {
					t.Errorf("the name %q was taken", attr)
				}
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			lowered := len(want[0].tag) - 2
			want[0].tag[lowered] = strings.ToLower(attr)
			if want[0].tag[0] == "input" && fixed == "" {
				want[0].tag = append(want[0].tag[:7:7], want[0].tag[9:]...)
			}
			whole := append(append([]node{}, head...), append(want, after...)...)
			if label == "" {
				whole = append(whole[:1], whole[2:]...)
			}
			if hint == "" {
				whole = whole[:len(whole)-1]
				for i := range whole {
					for j := range whole[i].tag {
						whole[i].tag[j] = strings.TrimSuffix(whole[i].tag[j], " "+clean(id)+"_hint")
					}
				}
			}
			if got := parsed(t, b.String()); !reflect.DeepEqual(got, whole) {
				t.Errorf("%s\ngot  %q\nwant %q", b.String(), got, whole)
			}
		}
	})
}

// dress gives a view that can be the key of a map.
func dress(in form.Input, label, hint, attr, value string) web.View {
	in = in.Label(label).Hint(hint).Attr(attr, value)
	return &in
}
