// Package locale says a program's texts in the visitor's language: translations with
// plural forms, numbers as a language writes them, and a plug that finds out which
// language a request is for. The rules of languages are Unicode's CLDR, from
// golang.org/x/text.
//
// # Usage
//
// The sources have the texts as they are, in English unless [Config] says otherwise:
//
//	locale.T(ctx, "Welcome, {name}!", locale.Args{"name": user.Name})
//	locale.N(ctx, "{count} item", "{count} items", len(cart.Items))
//
// A file for each language has the translations, with the text of the sources as the
// key (of N, the second one). This is de.json:
//
//	{
//		"Welcome, {name}!": "Willkommen, {name}!",
//		"{count} items": {"one": "{count} Stück", "other": "{count} Stücke"}
//	}
//
// The program embeds them and loads them at its start:
//
//	//go:embed translations
//	var files embed.FS
//
//	catalogue := locale.MustLoad(files, locale.Config{})
//	router := web.NewRouter(catalogue.Plug())
//
// Behind the [Catalogue.Plug], the request's context knows the language: for [T] and
// [N], for [Number], [Decimal] and [Percent], and for a page's own tag:
//
//	<html lang={ locale.Of(ctx).String() } dir={ locale.Direction(locale.Of(ctx)) }>
//
// The plug goes by Accept-Language. It can be given what goes before it:
//
//	catalogue.Plug(locale.Query("locale"), locale.Cookie("locale"))
//
// or, with [Catalogue.Prefix] before it, /de/about is /about in German. A job or a mail
// has no request: catalogue.With(ctx, user.Language) makes its context.
//
// # Files
//
// A file's name is its language, as in de.json, pt-BR.json, zh-Hant.json. It may be in
// any folder, and a language may have many files, as shop/de.json and mail/de.json: all
// are one set. A file {} makes a language one of those that are there, with the texts of
// its parents: de-CH.json, of which numbers are then the Swiss ones. A text that is ""
// is not translated yet.
//
// {name} is a placeholder; a brace of the text itself is written twice, {{ and }}.
// A translation may leave placeholders out and have them in any order.
//
// A language has some of the plural forms zero, one, two, few, many and other; it must
// have those that its whole numbers take, and other. The number that picks the form is
// {count}. A text with two numbers is better made of two texts.
//
// The language of the sources may have a file too. It mends texts without touching the
// sources, adds plural forms to texts made elsewhere, and gives two senses of a word two
// keys: "Open (verb)" and "Open (adjective)" are both "Open" in en.json.
//
// # Validations
//
// [Translator] is for messages that were made without a language, as a text and values:
//
//	say := locale.Translator(ctx)
//	say("should be at least {count} characters", map[string]any{"count": 8})
//
// # Guarantees
//
// A catalogue never changes. Everything here is safe for concurrent use. Files are
// parsed once, at the start; a translated text costs one look-up for each parent.
//
// Nothing is escaped: a text goes into HTML like any other text, through templ or
// html/template. Translations have no markup.
//
// # Limits
//
//	| what                                   | limit                                 |
//	|----------------------------------------|---------------------------------------|
//	| a wish, such as Accept-Language        | 512 bytes and 16 languages are read   |
//	| places after the point                 | 3 in T, N, Number; 20 in Decimal      |
//
// The tables are those of CLDR 32: newer forms, as many in French, are taken and not
// used. There are no dates, no currencies and no lists: x/text has none that are right.
// Format those as the program sees fit, and give them as strings.
//
// # Failure
//
// [Load] tells of all that is wrong with the files: by file, line and key. Afterwards
// nothing fails. What is not translated stays as it is in the sources and is counted as
// locale.missing; a placeholder without a value stays and is counted as
// locale.unfilled.
//
// # Testing
//
// Without a catalogue in the context, texts are those of the sources, so handlers and
// pages can be tested without one. localetest.Complete fails a test while a language
// lacks a text.
package locale
