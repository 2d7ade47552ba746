package form

import (
	"context"
	"fmt"
	"html/template"
	"strings"

	"github.com/bennu-go/bennu/changeset"
	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/view"
	"github.com/bennu-go/bennu/web"
)

// Funcs are the helpers for the templates of package view:
//
//	templates, err := view.Load(files, form.Funcs())
//
//	{{form "/users" .Form "method" "PUT"}}
//		{{input "email" .Form "email" "label" "E-mail" "hint" "Nobody else sees it"}}
//		{{select .Form "country" .Countries "prompt" "Choose…"}}
//		{{submit "Save"}}
//	</form>
//
//	| function                                                    | is                                    |
//	|-------------------------------------------------------------|---------------------------------------|
//	| form ADDRESS FORM …                                         | the start of [For], with its summary  |
//	| input KIND FORM NAME …                                      | [Text], [Email], [Checkbox] and so on |
//	| select, radios, checkboxes FORM NAME OPTIONS …              | [Select], [Radios], [Checkboxes]      |
//	| submit LABEL …                                              | [Submit]                              |
//
// The kinds are the types of HTML's input, and textarea. Pairs follow: label, hint, prompt
// and method are those of [Input] and [Form], others are attributes; a value true or false
// is Flag's. OPTIONS are of type []Option, or nil.
func Funcs() view.Funcs {
	return view.Funcs{
		"form":       start,
		"input":      one,
		"select":     chosen("select"),
		"radios":     chosen("radio"),
		"checkboxes": chosen("checkboxes"),
		"submit":     submit,
	}
}

func html(ctx context.Context, v web.View) (template.HTML, error) {
	var b strings.Builder
	err := v.Render(ctx, &b)
	return template.HTML(b.String()), err
}

// each goes through pairs.
func each(pairs []any, attr func(name, value string), flag func(name string, on bool)) error {
	if len(pairs)%2 != 0 {
		return fault.Internal.Errorf("form: %v is without a value; want pairs of name and value", pairs[len(pairs)-1])
	}
	for i := 0; i < len(pairs); i += 2 {
		name, ok := pairs[i].(string)
		if !ok {
			return fault.Internal.Errorf("form: the name of a pair is %v; want a string", pairs[i])
		}
		if on, ok := pairs[i+1].(bool); ok {
			flag(name, on)
		} else {
			attr(name, fmt.Sprint(pairs[i+1]))
		}
	}
	return nil
}

func start(ctx context.Context, action string, f changeset.Form, pairs ...any) (template.HTML, error) {
	made := For(action, f)
	err := each(pairs, func(name, value string) { made = made.Attr(name, value) }, func(name string, on bool) { made = made.Flag(name, on) })
	if err != nil {
		return "", err
	}
	m := new(markup)
	c := new(collector)
	c.learnRest(ctx, f.Wrong())
	for i := range c.wrong {
		c.wrong[i].id = c.wrong[i].of // the inputs are still to come; their ids are known
	}
	err = made.start(ctx, m, c)
	return template.HTML(m.String()), err
}

// isKind reports whether input takes a kind.
func isKind(kind string) bool {
	switch kind {
	case "text", "email", "password", "number", "date", "datetime-local", "time", "tel", "url", "search",
		"color", "range", "file", "hidden", "textarea", "checkbox":
		return true
	}
	return false
}

func one(ctx context.Context, kind string, f changeset.Form, name string, pairs ...any) (template.HTML, error) {
	if !isKind(kind) {
		return "", fault.Internal.Errorf("form: there is no input %q", kind)
	}
	return input(kind, f, name).paired(ctx, pairs)
}

func chosen(kind string) any {
	return func(ctx context.Context, f changeset.Form, name string, options []Option, pairs ...any) (template.HTML, error) {
		return choose(kind, f, name, options).paired(ctx, pairs)
	}
}

func (in Input) paired(ctx context.Context, pairs []any) (template.HTML, error) {
	err := each(pairs, func(name, value string) {
		switch name {
		case "label":
			in = in.Label(value)
		case "hint":
			in = in.Hint(value)
		case "prompt":
			in = in.Prompt(value)
		default:
			in = in.Attr(name, value)
		}
	}, func(name string, on bool) { in = in.Flag(name, on) })
	if err != nil {
		return "", err
	}
	return html(ctx, in)
}

func submit(ctx context.Context, label string, pairs ...any) (template.HTML, error) {
	b := Submit(label)
	err := each(pairs, func(name, value string) { b = b.Attr(name, value) }, func(name string, on bool) { b = b.Flag(name, on) })
	if err != nil {
		return "", err
	}
	return html(ctx, b)
}
