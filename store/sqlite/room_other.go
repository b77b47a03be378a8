//go:build !linux

package sqlite

// freeBytes says nothing where nobody has said how to ask.
func freeBytes(string) (free int64, known bool) { return 0, false }
