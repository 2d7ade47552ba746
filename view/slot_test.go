package view_test

import (
	"testing"

	"github.com/bennu-go/bennu/view"
)

const (
	card   = `<div class=card><h2>{{renderSlot "title"}}</h2>{{renderSlot}}{{with renderSlot "foot"}}<footer>{{.}}</footer>{{end}}{{.}}</div>`
	nested = `<section>{{component "card"}}{{renderSlot}}!{{slot "title"}}{{renderSlot "title"}}{{endcomponent}}</section>`
)

func TestComponents(t *testing.T) {
	for _, c := range []struct{ page, want string }{
		{`{{component "card" "data"}}{{endcomponent}}`, `<div class=card><h2></h2>data</div>`},
		{`a {{component "card" .Name}} in {{slot "title"}} <b>{{.Name}}</b> {{slot "foot"}}f{{endcomponent}} b`,
			`a <div class=card><h2><b>&lt;bob&gt;</b></h2>in<footer>f</footer>&lt;bob&gt;</div> b`},
		{`{{component "card"}}{{slot "title"}}{{range .Tags}}<i>{{.}}</i>{{end}}{{if false}}{{slot "foot"}}no{{end}}{{endcomponent}}`,
			`<div class=card><h2><i>1</i><i>2</i></h2></div>`},
		{`{{component "card"}}{{range .Tags}}{{slot "title"}}{{.}},{{end}}{{endcomponent}}`, `<div class=card><h2>1,2,</h2></div>`},
		{`{{component "card"}}{{component "card"}}inner{{slot "title"}}it{{endcomponent}}{{slot "title"}}ot{{endcomponent}}`,
			`<div class=card><h2>ot</h2><div class=card><h2>it</h2>inner</div></div>`},
		{`{{component "nested"}}x{{slot "title"}}t{{endcomponent}}{{renderSlot "title"}}`,
			`<section><div class=card><h2>t</h2>x!</div></section>`},
		{`{{range .Tags}}{{component "card" .}}{{$.Name}}{{endcomponent}}{{end}}`,
			`<div class=card><h2></h2>&lt;bob&gt;1</div><div class=card><h2></h2>&lt;bob&gt;2</div>`},
		{`{{template "card" "plain"}}`, `<div class=card><h2></h2>plain</div>`},
		{`{{component "form/input" .}}{{endcomponent}}`, `<input name="&lt;bob&gt;">`},
	} {
		ctx := load(t, tree("components/card.html", card, "components/nested.html", nested,
			"components/form/input.html", `<input name="{{.Name}}">`, "users/show.html", c.page))
		want(t, render(t, ctx, show.View(user{"<bob>", []string{"1", "2"}})), c.want)
	}
}

func TestComponentsInTheWrongPlace(t *testing.T) {
	place := "not within a tag"
	for _, c := range []struct{ page, want string }{
		{`<p title="{{component "card"}}x{{endcomponent}}">`, "the component card is in the wrong place"},
		{`<p {{component "card"}}x{{endcomponent}}>`, place},
		{`<script>{{component "card"}}x{{endcomponent}}</script>`, place},
		{`<textarea>{{component "card"}}x{{endcomponent}}</textarea>`, place},
		{`{{component "card"}}<a href="{{slot "title"}}x"></a>{{endcomponent}}`, "the slot title is in the wrong place"},
		{`{{component "card"}}<!-- {{slot "title"}} -->{{endcomponent}}`, place},
		{`{{component "card"}}<a href="{{endcomponent}}x"></a>`, place},
		{`{{component "card" | printf "%s"}}x{{endcomponent}}`, place},
		{`{{$x := component "card"}}x{{endcomponent}}`, place},
		{`{{component "card"}}{{endcomponent}}{{$x := component "card"}}`, place},
		{`{{if component "card"}}x{{endcomponent}}{{end}}`, place},
		{`{{component "card"}}x`, "card has no endcomponent"},
		{`x{{endcomponent}}`, "without a component"},
		{`x{{slot "a"}}`, "in no component"},
		{`{{component "card" 1 2}}{{endcomponent}}`, "one value"},
		{`{{component "self"}}{{endcomponent}}`, "inside itself"},
		{`{{component "open"}}{{endcomponent}}`, "card has no endcomponent"},
		{`{{component "closes"}}{{endcomponent}}`, "without a component"},
		{`{{component "broken" .}}{{endcomponent}}`, "components/broken.html:2:2: at <.Nix>"},
	} {
		ctx := load(t, tree("components/card.html", card, "components/self.html", `{{component "self"}}{{endcomponent}}`,
			"components/open.html", `{{component "card"}}`, "components/closes.html", `{{endcomponent}}`,
			"components/broken.html", "\n{{.Nix}}", "users/show.html", c.page))
		contains(t, refused(t, ctx, show.View(user{})).Error(), c.want)
	}
}

func TestComponentsAreCheckedAtStart(t *testing.T) {
	for _, c := range []struct{ page, want string }{
		{"\n {{component \"nix\"}}{{endcomponent}}", "page.html:2:3: there is no template nix"},
		{`{{component .}}{{endcomponent}}`, "is a text"},
		{`{{component}}{{endcomponent}}`, "is a text"},
		{`{{template "nix"}}`, "page.html:1:11: there is no template nix"},
		{`{{component "tag"}}{{endcomponent}}`, "components/tag.html"},
	} {
		_, err := view.Load(tree("components/tag.html", "<a href=", "page.html", c.page))
		if err == nil {
			t.Errorf("%s was loaded", c.page)
			continue
		}
		contains(t, err.Error(), c.want)
	}
}
