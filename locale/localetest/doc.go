// Package localetest finds the texts of a program that nobody has translated yet.
//
// # Usage
//
// One test keeps a program's languages whole:
//
//	func TestTranslations(t *testing.T) {
//		localetest.Complete(t, catalogue, "../..")
//	}
//
// It fails with a line for each text, as in
//
//	de: "Welcome, {name}!" (page/home.go:12) is not translated
//
// # What is found
//
// [Extract] reads Go files, generated ones too, and finds
//
//   - literals and constant sums of literals in locale.T and locale.N;
//   - conversions, locale.Text("…");
//   - constants and variables that are declared as a locale.Text.
//
// It goes by the syntax alone: what a program makes at run time, it cannot see.
// Give those to [locale.Catalogue.Check] as keys.
package localetest
