package locale_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing/fstest"

	"golang.org/x/text/language"

	"github.com/bennu-go/bennu/locale"
)

// translations stands for an embed.FS.
var translations = fstest.MapFS{
	"de.json": {Data: []byte(`{
		"Welcome, {name}!": "Willkommen, {name}!",
		"{count} items": {"one": "{count} Stück", "other": "{count} Stücke"}
	}`)},
	"pl.json": {Data: []byte(`{
		"Welcome, {name}!": "Witaj, {name}!",
		"{count} items": {"one": "{count} sztuka", "few": "{count} sztuki", "many": "{count} sztuk", "other": "{count} sztuki"}
	}`)},
}

func Example() {
	catalogue := locale.MustLoad(translations, locale.Config{})
	for _, tag := range catalogue.Languages() {
		ctx := catalogue.With(context.Background(), tag)
		fmt.Println(locale.T(ctx, "Welcome, {name}!", locale.Args{"name": "Ann"}))
		for _, n := range []int{1, 3, 25} {
			fmt.Println("-", locale.N(ctx, "{count} item", "{count} items", n))
		}
	}
	// Output:
	// Welcome, Ann!
	// - 1 item
	// - 3 items
	// - 25 items
	// Willkommen, Ann!
	// - 1 Stück
	// - 3 Stücke
	// - 25 Stücke
	// Witaj, Ann!
	// - 1 sztuka
	// - 3 sztuki
	// - 25 sztuk
}

func ExampleCatalogue_Plug() {
	catalogue := locale.MustLoad(translations, locale.Config{})
	page := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprintf(w, "<html lang=%q>%s", locale.Of(r.Context()), locale.T(r.Context(), "Welcome, {name}!", locale.Args{"name": "Ann"}))
	})
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Accept-Language", "de-AT,de;q=0.9,en;q=0.8")
	w := httptest.NewRecorder()
	catalogue.Plug(locale.Query("locale"))(page).ServeHTTP(w, r)
	fmt.Println(w.Header().Get("Content-Language"))
	fmt.Println(w.Body)
	// Output:
	// de
	// <html lang="de">Willkommen, Ann!
}

func ExampleTranslator() {
	catalogue := locale.MustLoad(fstest.MapFS{"de.json": {Data: []byte(`{
		"should be at least {count} characters": {"one": "muss mindestens ein Zeichen haben", "other": "muss mindestens {count} Zeichen haben"}
	}`)}}, locale.Config{})
	say := locale.Translator(catalogue.With(context.Background(), language.German))
	fmt.Println(say("should be at least {count} characters", map[string]any{"count": 8}))
	fmt.Println(say("should be at least {count} characters", map[string]any{"count": 1}))
	// Output:
	// muss mindestens 8 Zeichen haben
	// muss mindestens ein Zeichen haben
}
