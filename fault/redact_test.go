package fault

import (
	"strings"
	"testing"
)

func TestIsSecretName(t *testing.T) {
	for name, want := range map[string]bool{
		"password": true, "Password": true, "PASSWORD_HASH": true, "oldPassword": true, "db.passwd": true, "user[password]": true,
		"Passphrase": true, "userPwd": true, "client_secret": true, "accessToken": true, "tokens": true, "X-CSRF-Token": true, "_csrf": true,
		"Proxy-Authorization": true, "set-cookie": true, "sessions": true, "SessionID": true, "aws credentials": true,
		"api_key": true, "API-Key": true, "APIKEY": true, "api key": true, "PrivateKey": true, "access-key-id": true, "signing_key": true,
		"X-Amz-Signature": true, "jwt": true, "bearer": true,
		"pass": true, "PW": true, "p.i.n": true, "auth": true, "otp": true,
		"": false, "-": false, "key": false, "name": false, "author": false, "passed": false, "pinned": false, "compass": false,
		"hotpath": false, "laptop": false, "authors": false, "monkey": false, "keyboard": false,
	} {
		if got := isSecretName(name); got != want {
			t.Errorf("%q: %v", name, got)
		}
	}
}

func TestMask(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "a=b": "a=b", "=": "=", ":": ":", "://": "://", "token=": "token=", "token=&a=b": "token=&a=b",
		"a=b&token=x&c=d":                      "a=b&token=[secret]&c=d",
		"/ws?token=x.y-z~%20&vsn=2":            "/ws?token=[secret]&vsn=2",
		"user%5Bpassword%5D=x":                 "user%5Bpassword%5D=[secret]",
		"host=a password=x,y user=b":           "host=a password=[secret] user=b",
		`password='x y' user=b`:                `password=[secret] user=b`,
		`password="x \" y" user=b`:             `password=[secret] user=b`,
		`password="x y`:                        `password=[secret]`,
		"session=x; theme=dark":                "session=[secret]; theme=dark",
		"password=[secret] user=b":             "password=[secret] user=b",
		"token=x=y==\npin=1234":                "token=[secret]\npin=[secret]",
		`{"password":"x","a":1}`:               `{"password":[secret],"a":1}`,
		`{"password" : "x \" y", "pin":12}`:    `{"password" : [secret], "pin":[secret]}`,
		`{"session":{"a":1,"b":2}}`:            `{"session":[secret]`,
		`"{\"token\": \"x\", \"a\": \"b\"}"`:   `"{\"token\": [secret], \"a\": \"b\"}"`,
		"unexpected token: x":                  "unexpected token: x",
		"session:42":                           "session:42",
		"postgres://app:x@db/app":              "postgres://app:[secret]@db/app",
		"postgres://app:x@y@db":                "postgres://app:[secret]@db",
		"see http://a.test:80/b@c and d://:x@": "see http://a.test:80/b@c and d://:[secret]@",
		"at http://a.test:80":                  "at http://a.test:80",
		"at http://a.test:pass":                "at http://a.test:[secret]", // it may have been cut
		"http://a.test":                        "http://a.test",
	} {
		if got := mask(in); got != want {
			t.Errorf("%s\n got %s\nwant %s", in, got, want)
		}
		if got := mask(mask(in)); got != mask(in) {
			t.Errorf("%s: twice gives %s", in, got)
		}
	}
}

func FuzzMask(f *testing.F) {
	f.Add(`{"a":`, "b")
	f.Add("token='", "'")
	f.Fuzz(func(t *testing.T, before, after string) {
		const plant = "hunter2"
		if strings.Contains(before+after, plant) || len(before) > 8*longestText {
			t.Skip()
		}
		for _, text := range []string{
			before + "&password=" + plant + "&" + after,
			before + ` "password": "` + plant + `"` + after,
			before + " postgres://app:" + plant + "@db/" + after,
		} {
			if got := mask(text); strings.Contains(got, plant) {
				t.Errorf("%q gives %q", text, got)
			}
			if got := Inspect(text); strings.Contains(got, plant) || len(got) > longest {
				t.Errorf("%q gives %q", text, got)
			}
		}
	})
}
