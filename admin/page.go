package admin

// Bounds of lists.
const (
	DefaultLimit = 100
	MaxLimit     = 500
	scanLimit    = 500 // records asked for at once where many may not fit a query
)

func bounded(limit int) int {
	if limit <= 0 {
		return DefaultLimit
	}
	return min(limit, MaxLimit)
}

// leastRead is how much is read at first, however small a page is wanted.
const leastRead = 100

// page goes through records in ascending order and keeps those that fit, up to a limit. next is the number to go
// on after, and 0 at the end. As a rule what is read fits, and one page of it will do; where it does not, more is read at once.
func page[R, T any](after int64, limit int, fetch func(after int64, limit int) ([]R, error),
	pick func(R) (value T, number int64, fits bool, err error)) (found []T, next int64, err error) {
	limit = bounded(limit)
	read := min(max(limit+1, leastRead), scanLimit) // one more says that there are more
	for {
		records, err := fetch(after, read)
		if err != nil {
			return nil, 0, err
		}
		for _, r := range records {
			value, number, fits, err := pick(r)
			if err != nil {
				return nil, 0, err
			}
			if fits && len(found) == limit {
				return found, after, nil
			}
			if after = number; fits {
				found = append(found, value)
			}
		}
		if len(records) < read {
			return found, 0, nil
		}
		read = scanLimit
	}
}
