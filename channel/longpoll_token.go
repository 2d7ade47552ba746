package channel

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/bennu-go/bennu/token"
)

// pollName names a session. It is unguessable.
type pollName struct {
	Node    string `json:"n"`
	Session string `json:"s"`
}

const pollToken token.Kind[pollName] = "bennu.channel.longpoll"

// pollMark begins our tokens, so that they are not mistaken for what an application calls
// "token" in its addresses: the official client has both in one query.
const pollMark = "poll."

const pollTokenHeader = "X-Phoenix-Longpoll-Token"

func (p *polls) sign(id string) (string, error) {
	text, err := pollToken.Sign(p.keys, pollName{p.node, id})
	return pollMark + text, err
}

// find gives the session of a token, or nil.
func (p *polls) find(text string) polled {
	text, ours := strings.CutPrefix(text, pollMark)
	if !ours {
		return nil
	}
	name, err := pollToken.Verify(p.keys, text, pollTokenAge)
	if err != nil {
		return nil
	}
	return p.where.lookUp(name.Node, name.Session)
}

func isPollToken(text string) bool { return strings.HasPrefix(text, pollMark) }

// pollTokenOf is the token of a request: that of the header, or the last of the query.
func pollTokenOf(r *http.Request) string {
	if text := r.Header.Get(pollTokenHeader); text != "" {
		return text
	}
	for _, text := range slices.Backward(r.URL.Query()["token"]) {
		if isPollToken(text) {
			return text
		}
	}
	return ""
}

// pollParamsOf is the params of a request, without our token.
func pollParamsOf(r *http.Request) url.Values {
	params := paramsOf(r)
	if others := slices.DeleteFunc(params["token"], isPollToken); len(others) > 0 {
		params["token"] = others
	} else {
		delete(params, "token")
	}
	return params
}
