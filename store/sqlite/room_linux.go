package sqlite

import "syscall"

// freeBytes says how many bytes are free on a directory's disk.
func freeBytes(directory string) (free int64, known bool) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(directory, &s); err != nil {
		return 0, false
	}
	return int64(s.Bavail) * s.Bsize, true
}
