package main

import (
	"fmt"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/bennu-go/bennu/job"
	"github.com/bennu-go/bennu/web/webtest"
)

func TestWrite(t *testing.T) { onBoth(t, testWrite) }

func testWrite(t *testing.T, w *world) {
	w.browser().Get("/").Redirects("/notices").Follow().Shows(".empty", "Be the first")
	ada := w.user("Ada")
	page := notice(ada, "Ladder to borrow", photoOf(0))
	page.Shows("h1", "Ladder to borrow").Shows(".kind", "Wanted").Shows("address", "Elm Street 7").Shows("#flash-info", "is up")
	photo := ada.Get(page.Find(".notice img").Attr("src")).Is(200).Has("Content-Type", "image/png")
	ada.Get(photo.URL.Path, "If-None-Match: "+photo.Header.Get("Etag")).Is(304)

	page = page.Click("a[href$=edit]").Is(200)
	if got := page.Find("input[name='notice[contact][street]']").Attr("value"); got != "Elm Street 7" {
		t.Errorf("the form has the street %q", got)
	}
	page = page.Submit("form#notice", url.Values{"notice[title]": {"Long ladder"}}).Is(303).Follow()
	page.Shows("h1", "Long ladder").Shows("#flash-info", "Saved").Find(".notice img").Attr("src") // which it still has

	page.Submit("form#delete", nil).Redirects("/notices").Follow().Shows(".empty", "").Shows("#flash-info", "gone")
	if left, err := os.ReadDir(w.site.opts.Photos); err != nil || len(left) > 0 {
		t.Errorf("the notice is gone, the photo is not: %v %v", left, err)
	}
}

func TestWrongInputComesBack(t *testing.T) {
	w := start(t)
	ada := w.user("ada")
	page := ada.Get("/notices/new").Submit("form#notice", url.Values{
		"notice[title]": {strings.Repeat("x", 81)}, "notice[body]": {" "}, "notice[contact][phone]": {"call me"},
	}).Is(422)
	page.Shows("#notice_title_error", "must be at most 80 characters").
		Shows("#notice_body_error", "can't be blank").
		Shows("#notice_contact_phone_error", "has an invalid format").
		Shows(".form-errors", "There is a problem")
	if got := page.Find("#notice_contact_phone").Attr("value"); got != "call me" {
		t.Errorf("what was typed is %q", got)
	}
	page.Submit("form#notice", url.Values{
		"notice[title]": {strings.Repeat("x", 80)}, "notice[body]": {"y"}, "notice[contact][phone]": {"030 1"},
	}).Is(303)
}

func TestPhotoLimits(t *testing.T) {
	w := start(t)
	ada := w.user("ada")
	form := ada.Get("/notices/new")
	fill := url.Values{"notice[title]": {"t"}, "notice[body]": {"b"}}
	form.Submit("form#notice", fill, photoOf(5<<20)).Is(303)
	form.Submit("form#notice", fill, photoOf(5<<20+1)).Is(413).Shows("h1", "This is too large.")
	script := webtest.File{Field: "notice[photo]", Name: "photo.png", Type: "image/png", Data: "<html><script>alert(1)</script>"}
	form.Submit("form#notice", fill, script).Is(415)
	if left, err := os.ReadDir(w.site.opts.Photos); err != nil || len(left) != 1 {
		t.Errorf("%d files are left of one photo: %v", len(left), err)
	}
}

func TestSomebodyElses(t *testing.T) {
	w := start(t)
	page := notice(w.user("ada"), "Ladder")
	bob := w.user("bob")
	bob.Get(page.URL.Path+"/edit").Is(403).Shows("h1", "You may not do this.")
	bob.Post(page.URL.Path+"?_method=put", webtest.Multipart{Values: url.Values{"notice[title]": {"Mine"}}}, "Sec-Fetch-Site: same-origin").Is(403)
	bob.Post(page.URL.Path, url.Values{"_method": {"delete"}}, "Sec-Fetch-Site: same-origin").Is(403)
	if seen := bob.Get(page.URL.Path).Shows("h1", "Ladder"); seen.Find("#delete").Len() > 0 {
		t.Error("the page offers to delete it")
	}
}

func TestReplies(t *testing.T) { onBoth(t, testReplies) }

func testReplies(t *testing.T, w *world) {
	page := notice(w.user("ada"), "Ladder").Shows(".replies h2", "0 replies")
	bob := w.user("bob")
	page = bob.Get(page.URL.Path)
	page.Submit("form#reply", nil).Is(422).Shows("#reply_body_error", "can't be blank")
	page = page.Submit("form#reply", url.Values{"reply[body]": {"I have <one>."}}).Redirects(page.URL.Path).Follow()
	page.Shows(".replies h2", "1 reply").Shows(".reply .text", "I have <one>.")
	page.Submit(".reply form", nil).Redirects(page.URL.Path).Follow().Shows(".replies h2", "0 replies")
	w.browser().Get(page.URL.Path).Shows(".replies", "Log in to reply")

	eve := w.client("eve")
	eve.Post("/api/notices", Draft{Kind: Offer, Title: "t", Body: "b"}).Is(201)
	page = bob.Get(NoticePath.URL(2))
	eve.Do("DELETE /api/notices/2", nil).Is(204)
	page.Submit("form#reply", url.Values{"reply[body]": {"too late"}}).Is(404).Shows("p", "there is no such notice")
}

// The letter's link lets its holder edit that one notice, without an account.
func TestLetter(t *testing.T) { onBoth(t, testLetter) }

func testLetter(t *testing.T, w *world) {
	w.site.opts.Dev = true // letters go to the log; files and templates stay those of the binary
	ada := w.user("ada")
	page, other := notice(ada, "Ladder"), notice(ada, "Bicycle")
	link := w.log.await(t, `about=Ladder link=http://127.0.0.1:4000(\S+)`)
	guest := w.browser()
	guest.Get(link[1]).Redirects(page.URL.Path+"/edit").Follow().Shows("#flash-info", "by the link").
		Submit("form#notice", url.Values{"notice[title]": {"Stool"}}).Redirects(page.URL.Path).Follow().Shows("h1", "Stool")
	guest.Get(other.URL.Path + "/edit").Is(403)
	guest.Get(link[1] + "x").Is(401)
	guest.Get("/notices/new").Redirects("/login") // it is for that notice alone
	if got, want := w.site.sendLetter(w.ctx, 99), job.Cancel("the notice is gone"); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("the letter of a notice that is gone: %v", got)
	}
}

func TestExport(t *testing.T) {
	w := start(t)
	ada := w.user("ada")
	notice(ada, "=SUM(A1)")
	res := ada.Get("/notices.csv").Is(200).Has("Content-Disposition", `attachment; filename="notices.csv"`)
	if !strings.Contains(res.Body, ",ada,wanted,'=SUM(A1),Only for a week.,Elm Street 7,\n") {
		t.Errorf("the table is\n%s", res.Body)
	}
}

func TestReport(t *testing.T) { onBoth(t, testReport) }

func testReport(t *testing.T, w *world) {
	notice(w.user("ada"), "Ladder")
	address := ReportPath.URL(thisYear())
	page := w.browser("Accept-Language: de").Get(address).Is(200).Shows("h2", "Ladder").Shows("body", "1 Aushang")
	if nonce := page.Find("style").Attr("nonce"); nonce == "" || !strings.Contains(page.Header.Get("Content-Security-Policy"), "'nonce-"+nonce+"'") {
		t.Errorf("the style has the nonce %q", nonce)
	}
	w.browser().Get(ReportPath.URL(1999)).Is(422)
}

// Who was away gets what came since, and then what comes, each once.
func TestLive(t *testing.T) { onBoth(t, testLive) }

func testLive(t *testing.T, w *world) {
	ada := w.user("ada")
	notice(ada, "First")
	list := ada.Get("/notices")
	notice(ada, "Second")
	stream := w.program("Accept: text/event-stream").Stream("GET "+list.Find("[data-live]").Attr("data-from"), nil)
	if e := stream.Event(); e.Type != "notice" || e.ID != "2" || !strings.Contains(e.Data, ">Second</a>") {
		t.Errorf("got %+v", e)
	}
	notice(ada, "Third <b>")
	if e := stream.Event(); e.ID != "3" || !strings.Contains(e.Data, ">Third &lt;b&gt;</a>") {
		t.Errorf("got %+v", e)
	}
	if e := w.program("Accept: text/event-stream").Stream("GET /notices/live?after=1", nil, "Last-Event-ID: 2").Event(); e.ID != "3" {
		t.Errorf("who comes back gets %+v", e)
	}
}
