package openapi

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
)

// problems says when package web answers with which status. 0 is any other.
var problems = map[int]string{
	http.StatusBadRequest:            "The path, the query, a header or the body cannot be read.",
	http.StatusUnauthorized:          "The client has not shown who it is.",
	http.StatusForbidden:             "The client may not do this.",
	http.StatusNotFound:              "What the path names is not there.",
	http.StatusRequestEntityTooLarge: "The body is too large.",
	http.StatusUnsupportedMediaType:  "The body has another Content-Type.",
	http.StatusUnprocessableEntity:   "The input was read and refused; errors tells by field why.",
	0:                                "Anything else that goes wrong, as with status 404, 409, 429, 500 or 503.",
}

func problemName(status int) string {
	if status == 0 {
		return "Problem"
	}
	return strings.ReplaceAll(http.StatusText(status), " ", "")
}

// problem points at the answer with a status among the components.
func problem(status int) *response {
	return &response{Ref: "#/components/responses/" + problemName(status)}
}

// refuse adds what the operations refuse with.
func (o *object) refuse() {
	o.Components.Responses = make(map[string]*response)
	for status, description := range problems {
		if o.has(status) {
			content := map[string]media{"application/problem+json": {json.RawMessage(`{"$ref":"#/components/schemas/Problem"}`)}}
			o.Components.Responses[problemName(status)] = &response{Description: description, Content: content}
			o.Components.Schemas["Problem"] = json.RawMessage(problemSchema)
		}
	}
}

func (o *object) has(status int) bool {
	key := "default"
	if status != 0 {
		key = strconv.Itoa(status)
	}
	for _, item := range o.Paths {
		for _, op := range item {
			if r := op.Responses[key]; r != nil && r.Ref != "" {
				return true
			}
		}
	}
	return false
}

// problemSchema is that of [web.ProblemDetails].
const problemSchema = `{
	"type": "object",
	"description": "What went wrong: RFC 9457.",
	"properties": {
		"type": {"type": "string", "format": "uri-reference"},
		"title": {"type": "string", "description": "Of the status.", "examples": ["Unprocessable Entity"]},
		"status": {"type": "integer", "examples": [422]},
		"detail": {"type": "string", "description": "For whoever called."},
		"errors": {
			"type": "object",
			"description": "What is wrong with each field, as in address.city or items.0.name; with the empty name, what is wrong with the whole.",
			"additionalProperties": {"type": "array", "items": {"type": "string"}}
		},
		"request_id": {"type": "string", "description": "For whoever has the log."}
	},
	"required": ["detail", "status", "title", "type"]
}`
