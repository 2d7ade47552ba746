package openapi

import (
	"strings"

	"github.com/bennu-go/bennu/internal/schema"
)

// The objects of OpenAPI 3.1, as far as they are needed here.
type (
	object struct {
		OpenAPI    string                           `json:"openapi"`
		Info       about                            `json:"info"`
		Servers    []Server                         `json:"servers,omitempty"`
		Tags       []Tag                            `json:"tags,omitempty"`
		Paths      map[string]map[string]*operation `json:"paths"`
		Components components                       `json:"components,omitzero"`
	}

	about struct {
		Title       string `json:"title"`
		Version     string `json:"version"`
		Description string `json:"description,omitempty"`
	}

	operation struct {
		ID          string                `json:"operationId"`
		Tags        []string              `json:"tags"`
		Summary     string                `json:"summary,omitempty"`
		Description string                `json:"description,omitempty"`
		Deprecated  bool                  `json:"deprecated,omitempty"`
		Parameters  []*parameter          `json:"parameters,omitempty"`
		Body        *body                 `json:"requestBody,omitempty"`
		Responses   map[string]*response  `json:"responses"`
		Security    []map[string][]string `json:"security,omitempty"`
	}

	parameter struct {
		Name        string         `json:"name"`
		In          string         `json:"in"`
		Required    bool           `json:"required,omitempty"`
		Rest        bool           `json:"x-rest,omitempty"` // its slashes are not escaped
		Description string         `json:"description,omitempty"`
		Schema      *schema.Schema `json:"schema"`
	}

	body struct {
		Required bool             `json:"required"`
		Content  map[string]media `json:"content"`
	}

	response struct {
		Ref         string           `json:"$ref,omitempty"`
		Description string           `json:"description,omitempty"`
		Content     map[string]media `json:"content,omitempty"`
	}

	media struct {
		Schema any `json:"schema,omitempty"`
	}

	components struct {
		Schemas   map[string]any       `json:"schemas,omitempty"`
		Responses map[string]*response `json:"responses,omitempty"`
		Security  map[string]scheme    `json:"securitySchemes,omitempty"`
	}
)

// operation is the Operation Object of a call, where the path calls its wildcards names.
func (c *call) operation(all []Security, names []string) *operation {
	o := &operation{
		ID: c.ID, Tags: []string{c.Tag}, Summary: c.Summary, Description: c.Description, Deprecated: c.Deprecated,
		Security: requirements(all, c.route.Pattern),
	}
	for i, p := range c.params {
		switch {
		case p.source == "path": // they come first
			o.Parameters = append(o.Parameters, p.wire(strings.TrimSuffix(names[i], "...")))
		case !ignored[p.name]:
			o.Parameters = append(o.Parameters, p.wire(p.name))
		}
	}
	if c.body != nil {
		kind := "application/json"
		if !c.isJSON() {
			kind = "application/x-www-form-urlencoded"
		}
		o.Body = &body{true, map[string]media{kind: {c.body}}}
	}
	o.Responses = c.responses(len(o.Security) > 0)
	return o
}

// ignored are headers that OpenAPI has other words for.
var ignored = map[string]bool{"Accept": true, "Content-Type": true, "Authorization": true}

func (s *components) secure(by Security) {
	if s.Security == nil {
		s.Security = make(map[string]scheme)
	}
	s.Security[by.name] = by.scheme
}
