package scenario

// Nearest returns the name that a person who wrote word most likely meant, or "" if none is close.
func Nearest(word string, names []string) string { return nearest(word, names) }
