package ident

// Alphanumeric says whether a text is so many ASCII letters and digits and nothing else, as the contracts' keys are.
func Alphanumeric(s string, least, most int) bool {
	if len(s) < least || len(s) > most {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return false
		}
	}
	return true
}
