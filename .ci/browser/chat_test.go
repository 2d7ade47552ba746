package browser

import (
	"fmt"
	"net/url"
	"strings"
	"syscall"
	"testing"

	"github.com/chromedp/chromedp"
)

func newChat(t *testing.T) *server { return serverOf(t, "CHAT_BIN", "/", "-db", "sqlite:chat.db") }

// enter opens a room under a name, in a browser of its own.
func (s *server) enter(room, name, theme string, width, height int) *page {
	s.t.Helper()
	query := url.Values{"room": {room}, "name": {name}}
	p := openIn(s.t, theme, s.addr+"/?"+query.Encode(), width, height)
	p.live()
	return p
}

func (p *page) live() {
	p.t.Helper()
	p.until("the page is live", text("link-text")+" === 'Connected'")
}

// say writes a message, and sends it with Enter.
func (p *page) say(body string) {
	p.t.Helper()
	p.do(chromedp.SendKeys("#body", body))
	evaluate[bool](p, `document.getElementById("body").dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", cancelable: true, bubbles: true }))`)
}

// paste puts a text into the box as a paste does, and sends it with the button.
func (p *page) paste(body string) {
	p.t.Helper()
	evaluate[bool](p, fmt.Sprintf(`(document.getElementById("body").value = %q, document.querySelector("#composer button").click(), true)`, body))
}

// talk is what the page shows, one line a message: who, what, and whether it is stored.
const talk = `[...document.querySelectorAll("#talk .message")].map((row) =>
	row.querySelector(".name").textContent + ": " + row.querySelector("p").textContent +
	(row.classList.contains("waiting") ? " (waiting)" : "")).join("\n")`

func (p *page) shows(lines ...string) {
	p.t.Helper()
	want := strings.Join(lines, "\n")
	p.until("the page shows what was said", fmt.Sprintf("%s === %q", talk, want))
}

// people is who is shown as present, with the number of windows where it is not one.
const people = `[...document.querySelectorAll("#people li:not(.leaving)")].map((row) =>
	[row.querySelector(".name").textContent, row.querySelector(".windows").textContent].filter(Boolean).join(" ")).join(", ")`

func (p *page) has(want string) {
	p.t.Helper()
	p.until("these are present: "+want, fmt.Sprintf("%s === %q", people, want))
}

func TestChat(t *testing.T) {
	s := newChat(t)
	s.start()
	ann := s.enter("tea", "ann", "light", 1280, 800)
	bob := s.enter("tea", "bob", "dark", 1280, 800)
	ann.has("ann, bob")
	bob.has("bob, ann")

	ann.say("Good morning")
	bob.shows("ann: Good morning")
	bob.say("Hello ann")
	ann.shows("ann: Good morning", "bob: Hello ann")

	bob.do(chromedp.SendKeys("#body", "h"))
	ann.until("she sees that he writes", text("typing")+" === 'bob is writing…'")
	if evaluate[string](bob, text("typing")) != "" {
		t.Error("he is told that he writes himself")
	}
	bob.say("ow are you?")
	ann.until("the message has come", text("typing")+" === ''")

	again := s.enter("tea", "bob", "light", 1280, 800)
	ann.has("ann, bob 2 windows")
	again.do(chromedp.Navigate("about:blank"))
	ann.has("ann, bob")

	// A crash is his alone.
	evaluate[bool](ann, `(window.disturbed = 0, new MutationObserver(() => window.disturbed++).observe(document.getElementById("link"), { subtree: true, childList: true, attributes: true }), true)`)
	bob.do(chromedp.Click("#crash"))
	bob.until("his process is back", text("events")+".includes('Your process crashed') && "+text("events")+".includes('nothing is missing')")
	bob.say("I am back")
	ann.shows("ann: Good morning", "bob: Hello ann", "bob: how are you?", "bob: I am back")
	ann.has("ann, bob")
	if evaluate[float64](ann, "window.disturbed") > 0 || strings.Contains(evaluate[string](ann, text("events")), "crash") {
		t.Error("she was disturbed")
	}
	bob.shot("chat-crash")
}

func TestChatTexts(t *testing.T) {
	s := newChat(t)
	s.start()
	ann := s.enter("texts", "ann", "light", 1280, 800)
	bob := s.enter("texts", "bob", "dark", 390, 844)
	texts := []string{
		`<img src=x onerror="window.hurt = true"><b>bold</b> &amp; <script>window.hurt = true</script>`,
		"👩‍👩‍👧‍👦 🏳️‍🌈 e\u0301 שלום مرحبا 你好",
		"two\nlines, and \"quotes\" \\ and \u2028 too",
		strings.Repeat("long ", 390) + "end",
		strings.Repeat("x", 2000),
	}
	var want []string
	for _, body := range texts {
		ann.paste(body)
		want = append(want, "ann: "+body)
	}
	ann.shows(want...)
	bob.shows(want...)
	for _, p := range []*page{ann, bob} {
		if evaluate[bool](p, `Boolean(window.hurt) || Boolean(document.querySelector("#talk img, #talk script, #talk .bubble p b"))`) {
			t.Error("a message was taken for HTML")
		}
		if !evaluate[bool](p, `document.documentElement.scrollWidth <= innerWidth && document.getElementById("scroll").scrollWidth <= document.getElementById("scroll").clientWidth`) {
			t.Error("a text is wider than the page")
		}
	}
	bob.shot("chat-texts")
}

// TestChatRestart restarts the server while there is talk: nothing is lost or doubled, and
// both pages show the same order.
func TestChatRestart(t *testing.T) {
	s := newChat(t)
	s.start()
	ann := s.enter("tea", "ann", "light", 1280, 800)
	bob := s.enter("tea", "bob", "dark", 1280, 800)
	var want []string
	say := func(body string) {
		bob.paste(body)
		want = append(want, "bob: "+body)
	}
	for round, how := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL, syscall.SIGKILL} {
		for i := range 5 {
			say(fmt.Sprintf("round %d, before %d", round, i))
		}
		s.stop(how) // some of them may be on their way
		for _, p := range []*page{ann, bob} {
			p.until("the page notices", text("link-text")+" !== 'Connected'")
		}
		for i := range 5 {
			say(fmt.Sprintf("round %d, meanwhile %d", round, i))
		}
		bob.shot("chat-away")
		s.start()
		ann.live()
		bob.live()
		bob.shows(want...)
		ann.shows(want...)
		ann.has("ann, bob")
	}

	// So it does over a reload.
	s.stop(syscall.SIGKILL)
	bob.until("the page notices", text("link-text")+" !== 'Connected'")
	say("before the reload")
	s.start()
	bob.do(chromedp.Reload())
	bob.live()
	bob.shows(want...)
	ann.shows(want...)
}

func TestChatRooms(t *testing.T) {
	s := newChat(t)
	s.start()
	ann := s.enter("tea", "ann", "light", 1280, 800)
	bob := s.enter("coffee", "bob", "light", 1280, 800)
	ann.say("one")
	bob.until("there is news in another room", `document.querySelector('[data-room="tea"] .unread')?.textContent === "1"`)
	bob.do(chromedp.Click(`[data-room="tea"]`))
	bob.shows("ann: one")
	ann.has("ann, bob")
	ann.do(chromedp.SendKeys("#new-room-name", "milk\r"))
	ann.until("she is there", text("room-name")+" === 'milk'")
	ann.has("ann")
	bob.has("bob")
	ann.shot("chat-empty")
	evaluate[bool](ann, "(history.back(), true)")
	ann.until("she is back", text("room-name")+" === 'tea'")
	ann.shows("ann: one")

	// What is refused says so.
	evaluate[bool](ann, `(document.getElementById("new-room-name").value = "*", document.querySelector("#new-room button").click(), true)`)
	ann.until("the server refuses the room", text("trouble")+".includes('letters')")
	ann.until("nothing can be said there", `document.getElementById("body").disabled`)
	ann.shot("chat-refused")
	stranger := openIn(t, "dark", s.addr+"/?name=%3C%3E", 390, 844)
	stranger.until("the server refuses the name", text("who-error")+".includes('letters')")
	stranger.shot("chat-name")
	stranger.do(chromedp.Clear("#who-name"), chromedp.SendKeys("#who-name", "eve\r"))
	stranger.live()
	stranger.has("eve")
}

func TestChatHidden(t *testing.T) {
	s := newChat(t)
	s.start()
	ann := s.enter("tea", "ann", "light", 1280, 800)
	bob := s.enter("tea", "bob", "light", 1280, 800)
	hide := func(hidden bool) {
		evaluate[bool](ann, fmt.Sprintf(`(Object.defineProperty(document, "hidden", { value: %v, configurable: true }), dispatchEvent(new Event("visibilitychange")), true)`, hidden))
	}
	hide(true)
	bob.say("one")
	bob.say("two")
	ann.until("the title says so", "document.title.startsWith('(2) ')")
	hide(false)
	ann.until("it has been seen", "document.title.startsWith('tea')")
	ann.until("the first is marked", `document.querySelector("#talk .new").nextElementSibling.textContent.includes("one")`)
	ann.shot("chat-new")
}

// TestChatLimit posts more than the server takes at once: that only delays it.
func TestChatLimit(t *testing.T) {
	s := newChat(t)
	s.start()
	ann := s.enter("fast", "ann", "light", 1280, 800)
	var want []string
	for i := range 30 {
		body := fmt.Sprint("message ", i)
		ann.paste(body)
		want = append(want, "ann: "+body)
	}
	ann.shows(want...)
}

// crowd posts 120 messages by as many clients as the server's limit asks for.
const crowd = `import("/bennu.js").then(async ({ Socket }) => {
	for (let i = 0; i < 6; i++) {
		const socket = new Socket("/socket");
		socket.connect();
		const room = socket.channel("room:long", { name: "crowd" });
		await room.join();
		for (let j = 20 * i; j < 20 * i + 20; j++) await room.push("post", { body: "message " + j, key: "key " + j });
		socket.disconnect();
	}
	window.said = true;
}), true`

// TestChatHistory is about more messages than a room remembers.
func TestChatHistory(t *testing.T) {
	s := newChat(t)
	s.start()
	ann := s.enter("long", "ann", "light", 1280, 800)
	evaluate[bool](ann, crowd)
	ann.until("all is said", "window.said")
	var want []string
	for i := range 120 {
		want = append(want, fmt.Sprint("crowd: message ", i))
	}
	ann.shows(want...)
	bob := s.enter("long", "bob", "light", 1280, 800)
	bob.shows(want[20:]...)
	bob.do(chromedp.Click("#older"))
	bob.shows(want...)
	bob.until("that is all", `document.getElementById("older").hidden`)
}

// TestChatLooks makes screenshots of a lively room.
func TestChatLooks(t *testing.T) {
	s := newChat(t)
	s.start()
	cast := map[string]*page{}
	for _, name := range []string{"Ada", "Grace", "Linus", "you"} {
		cast[name] = s.enter("lobby", name, "light", 1280, 800)
	}
	other := s.enter("release party", "Ken", "light", 1280, 800)
	for _, line := range []string{
		"Ada: Morning, everybody ☀️", "Ada: The new build is out. It survived the night with 40,000 connections and nobody noticed the two deploys.",
		"Grace: Nice! Did you pull the plug as well?", "Linus: kill -9, three times.", "Linus: Nothing missing, nothing twice.",
		"you: I wrote this one while the server was down. It waited here, and was stored when it came back.", "Grace: 👏",
		"Ada: For the record:\n\n1. messages have numbers\n2. numbers have no gaps\n3. so whoever comes back knows what to ask for", "you: Simple enough.",
	} {
		who, body, _ := strings.Cut(line, ": ")
		cast[who].paste(body)
		cast["you"].until("it is there", fmt.Sprintf("%s.endsWith(%q)", talk, line))
	}
	other.paste("Who brings the cake?")
	you := cast["you"]
	you.until("there is news", `!document.getElementById("rooms-news").hidden`)
	you.do(chromedp.Click("#crash"))
	you.until("the process is back", text("events")+".includes('Back')")
	cast["Grace"].do(chromedp.SendKeys("#body", "B"))
	you.until("Grace writes", text("typing")+" !== ''")
	you.shot("chat-light")
	you.do(theme("dark"))
	you.shot("chat-dark")
	you.do(chromedp.EmulateViewport(390, 844))
	you.until("nothing is wider than the screen", "document.documentElement.scrollWidth <= 390")
	you.shot("chat-phone-dark")
	you.do(theme("light"))
	you.shot("chat-phone")
	you.do(chromedp.Click(`[popovertarget="rooms-side"]`))
	you.until("the rooms are there", `document.getElementById("rooms-side").matches(":popover-open")`)
	you.shot("chat-phone-rooms")
	you.do(chromedp.Click(`[data-room="release party"]`))
	you.shows("Ken: Who brings the cake?")
	you.until("the rooms have gone", `!document.getElementById("rooms-side").matches(":popover-open")`)
	you.do(chromedp.Click(`[popovertarget="people-side"]`))
	you.until("people are there", `document.getElementById("people-side").matches(":popover-open")`)
	you.shot("chat-phone-people")
}
