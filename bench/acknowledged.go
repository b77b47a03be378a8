package bench

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"sync"
)

// AcknowledgedHeader names the columns of the log of what was acknowledged, which is CSV: the
// outcome (approved for a request, accepted for an advice, unknown for a message that may or may
// not have been applied), the kind, the message's id, the id of the request (for a request its
// own) and the amount in minor units of the request. Whatever is approved or accepted there must
// be found in the server's store for ever after. It holds no card numbers.
const AcknowledgedHeader = "outcome,kind,id,request,amount"

// acknowledgedLog writes the log for all workers. A nil one writes nothing.
type acknowledgedLog struct {
	mutex sync.Mutex
	out   *bufio.Writer
	line  []byte
}

func newAcknowledgedLog(w io.Writer) *acknowledgedLog {
	if w == nil {
		return nil
	}
	log := &acknowledgedLog{out: bufio.NewWriterSize(w, 1<<16)}
	_, _ = log.out.WriteString(AcknowledgedHeader + "\n") // an error stays with the writer until flush
	return log
}

func (l *acknowledgedLog) acknowledged(kind Kind, v *values) {
	if kind.Advice() {
		l.write("accepted", kind, v)
		return
	}
	l.write("approved", kind, v)
}

func (l *acknowledgedLog) unknown(kind Kind, v *values) { l.write("unknown", kind, v) }

func (l *acknowledgedLog) write(outcome string, kind Kind, v *values) {
	if l == nil {
		return
	}
	l.mutex.Lock()
	defer l.mutex.Unlock()
	line := append(l.line[:0], outcome...)
	line = append(append(line, ','), kind...)
	line = append(append(line, ','), v.id[:]...)
	line = append(append(line, ','), v.request[:]...)
	line = strconv.AppendInt(append(line, ','), v.amount, 10)
	l.line = append(line, '\n')
	_, _ = l.out.Write(l.line)
}

// flush writes what is left and returns the first error there was.
func (l *acknowledgedLog) flush() error {
	if l == nil {
		return nil
	}
	if err := l.out.Flush(); err != nil {
		return fmt.Errorf("log of acknowledged messages: %w", err)
	}
	return nil
}
