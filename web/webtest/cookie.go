package webtest

import (
	"net/http"
	"net/url"
	"strings"
)

// keep puts the cookies of an answer into the jar. What a browser would drop in
// silence ends the test.
func (c *Client) keep(r *Response) {
	c.t.Helper()
	if c.jar == nil {
		return
	}
	cookies := setCookies(r)
	for _, cookie := range cookies {
		if why := refused(r.URL, cookie); why != "" {
			r.fatalf("a browser would drop the cookie %q: %s", cookie.Name, why)
		}
	}
	c.jar.SetCookies(r.URL, cookies)
}

func setCookies(r *Response) []*http.Cookie {
	r.t.Helper()
	var cookies []*http.Cookie
	for _, line := range r.Header.Values("Set-Cookie") {
		cookie, err := http.ParseSetCookie(line)
		if err != nil {
			r.fatalf("Set-Cookie: %q is no cookie: %v", line, err)
		}
		cookies = append(cookies, cookie)
	}
	return cookies
}

const maxCookie = 4096 // bytes, of name and value

func refused(u *url.URL, c *http.Cookie) string {
	domain := strings.TrimPrefix(strings.ToLower(c.Domain), ".")
	host := strings.ToLower(u.Hostname())
	switch {
	case len(c.Name)+len(c.Value) > maxCookie:
		return "name and value are longer than 4096 bytes"
	case domain != "" && host != domain && !strings.HasSuffix(host, "."+domain):
		return "its domain " + c.Domain + " is not that of " + host
	case c.Secure && u.Scheme == "http" && host != "localhost":
		return "it is Secure, and the origin is not https"
	case c.SameSite == http.SameSiteNoneMode && !c.Secure:
		return "SameSite=None asks for Secure"
	case strings.HasPrefix(c.Name, "__Secure-") && !c.Secure:
		return "__Secure- asks for Secure"
	case strings.HasPrefix(c.Name, "__Host-") && (!c.Secure || c.Path != "/" || c.Domain != ""):
		return "__Host- asks for Secure, for Path=/ and for no Domain"
	}
	return ""
}
