package locale

import "golang.org/x/text/language"

// Direction is "rtl" if the language is written from right to left, and "ltr"
// otherwise, for <html dir="…">. It goes by the script, so that Punjabi in Arabic
// letters, pa-Arab, is "rtl".
func Direction(tag language.Tag) string {
	script, _ := tag.Script()
	switch script.String() {
	case "Adlm", "Arab", "Aran", "Armi", "Avst", "Chrs", "Cprt", "Elym", "Hatr", "Hebr", "Hung",
		"Khar", "Lydi", "Mand", "Mani", "Mend", "Merc", "Mero", "Narb", "Nbat", "Nkoo", "Orkh",
		"Ougr", "Palm", "Phli", "Phlp", "Phnx", "Prti", "Rohg", "Samr", "Sarb", "Sogd", "Sogo",
		"Syrc", "Syre", "Syrj", "Syrn", "Thaa", "Todr", "Gara", "Yezi":
		return "rtl"
	}
	return "ltr"
}
