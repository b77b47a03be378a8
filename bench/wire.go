package bench

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strconv"
	"time"
)

const (
	// maxHeaderLine bounds a line of a response's head.
	maxHeaderLine = 16 << 10
	// maxHeaderLines bounds the number of lines in a response's head.
	maxHeaderLines = 200
	// maxBody bounds a response's body; a gift card answer has about 1.3 KB.
	maxBody = 1 << 20
)

// answer is what a server said to one message. The body belongs to the caller and is overwritten
// by its next answer.
type answer struct {
	status int
	body   []byte
}

// errMalformed says that what came back is not an HTTP/1.1 response that we can read.
var errMalformed = errors.New("malformed response")

// caller keeps one connection to a server and sends one message at a time on it, HTTP/1.1 with
// keep-alive. It is written by hand because net/http's client costs about as much per message as
// a fast server, and on a machine that both share that cost would be taken for the server's. A
// message is never sent twice: a broken connection is an error for the message that was on it.
type caller struct {
	dial    func(context.Context) (net.Conn, error)
	timeout time.Duration

	conn net.Conn
	stop func() bool // withdraws the watch on the context
	in   *bufio.Reader
	body []byte
}

// exchange sends one whole HTTP request and reads its response.
func (c *caller) exchange(ctx context.Context, request []byte) (answer, error) {
	if err := c.open(ctx); err != nil {
		return answer{}, &transportError{fault: dialFault(err), err: err}
	}
	got, reusable, err := c.converse(ctx, request)
	if err != nil || !reusable {
		c.close()
	}
	if err != nil {
		return answer{}, &transportError{fault: exchangeFault(ctx, err), err: err}
	}
	return got, nil
}

// open connects unless there is a connection already. When the context ends, whatever the
// connection is waiting for ends too.
func (c *caller) open(ctx context.Context) error {
	if c.conn != nil {
		return nil
	}
	dialContext, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	conn, err := c.dial(dialContext)
	if err != nil {
		return err
	}
	c.conn = conn
	c.stop = context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	if c.in == nil {
		c.in = bufio.NewReaderSize(conn, maxHeaderLine)
	}
	c.in.Reset(conn)
	return nil
}

// close drops the connection; the next exchange makes a new one.
func (c *caller) close() {
	if c.conn == nil {
		return
	}
	c.stop()
	_ = c.conn.Close()
	c.conn = nil
}

func (c *caller) converse(ctx context.Context, request []byte) (got answer, reusable bool, err error) {
	if err := c.conn.SetDeadline(time.Now().Add(c.timeout)); err != nil {
		return answer{}, false, err
	}
	if err := ctx.Err(); err != nil { // it may have ended just before the deadline was set anew
		return answer{}, false, err
	}
	if _, err := c.conn.Write(request); err != nil {
		return answer{}, false, err
	}
	return c.read()
}

// read reads one response, skipping interim ones.
func (c *caller) read() (got answer, reusable bool, err error) {
	for {
		h, err := readHead(c.in)
		if err != nil {
			return answer{}, false, err
		}
		if h.status/100 == 1 {
			continue
		}
		c.body, err = readBody(c.in, h, c.body[:0])
		return answer{status: h.status, body: c.body}, !h.close, err
	}
}

// responseHead is what matters in the head of a response.
type responseHead struct {
	status  int
	length  int // of the body; -1 when it is not given
	chunked bool
	close   bool // the server will close the connection
}

func readHead(in *bufio.Reader) (h responseHead, err error) {
	line, err := readLine(in)
	if err != nil {
		return h, err
	}
	if h.status, h.close, err = parseStatusLine(line); err != nil {
		return h, err
	}
	h.length = -1
	for range maxHeaderLines {
		if line, err = readLine(in); err != nil {
			return h, unexpected(err)
		}
		if len(line) == 0 {
			return h, nil
		}
		if err = h.take(line); err != nil {
			return h, err
		}
	}
	return h, errMalformed
}

// readLine reads a line without its end. The bytes are valid until the next read.
func readLine(in *bufio.Reader) ([]byte, error) {
	line, err := in.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		return nil, errMalformed
	}
	if err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(line[:len(line)-1], []byte{'\r'}), nil
}

// parseStatusLine reads "HTTP/1.1 201 Created".
func parseStatusLine(line []byte) (status int, closes bool, err error) {
	rest, found := bytes.CutPrefix(line, []byte("HTTP/1."))
	if !found || len(rest) < 5 || rest[1] != ' ' || len(rest) > 5 && rest[5] != ' ' {
		return 0, false, errMalformed
	}
	status, err = strconv.Atoi(string(rest[2:5]))
	if err != nil || status < 100 {
		return 0, false, errMalformed
	}
	return status, rest[0] == '0', nil
}

// take notes a header that decides how the body is read or what becomes of the connection.
func (h *responseHead) take(line []byte) error {
	name, value, found := bytes.Cut(line, []byte{':'})
	if !found {
		return errMalformed
	}
	value = bytes.TrimSpace(value)
	switch {
	case bytes.EqualFold(name, []byte("Content-Length")):
		length, err := strconv.Atoi(string(value))
		if err != nil || length < 0 || length > maxBody {
			return errMalformed
		}
		h.length = length
	case bytes.EqualFold(name, []byte("Transfer-Encoding")):
		h.chunked = bytes.EqualFold(value, []byte("chunked"))
	case bytes.EqualFold(name, []byte("Connection")):
		h.close = bytes.EqualFold(value, []byte("close"))
	}
	return nil
}

// readBody appends the body of a response to dst.
func readBody(in *bufio.Reader, h responseHead, dst []byte) ([]byte, error) {
	switch {
	case h.status == 204 || h.status == 304:
		return dst, nil
	case h.chunked:
		return readChunks(in, dst)
	case h.length >= 0:
		return readExactly(in, h.length, dst)
	case h.close:
		rest, err := io.ReadAll(io.LimitReader(in, maxBody))
		return append(dst, rest...), err
	}
	return dst, errMalformed
}

func readExactly(in *bufio.Reader, n int, dst []byte) ([]byte, error) {
	if len(dst)+n > maxBody {
		return dst, errMalformed
	}
	start := len(dst)
	if cap(dst)-start < n {
		dst = append(make([]byte, 0, start+n), dst...)
	}
	dst = dst[:start+n]
	_, err := io.ReadFull(in, dst[start:])
	return dst, unexpected(err)
}

func readChunks(in *bufio.Reader, dst []byte) ([]byte, error) {
	for {
		line, err := readLine(in)
		if err != nil {
			return dst, unexpected(err)
		}
		digits, _, _ := bytes.Cut(line, []byte{';'})
		size, err := strconv.ParseUint(string(bytes.TrimSpace(digits)), 16, 31)
		if err != nil {
			return dst, errMalformed
		}
		if size == 0 {
			return dst, skipTrailers(in)
		}
		if dst, err = readExactly(in, int(size), dst); err != nil {
			return dst, err
		}
		if line, err = readLine(in); err != nil || len(line) != 0 {
			return dst, errors.Join(errMalformed, err)
		}
	}
}

func skipTrailers(in *bufio.Reader) error {
	for range maxHeaderLines {
		line, err := readLine(in)
		if err != nil {
			return unexpected(err)
		}
		if len(line) == 0 {
			return nil
		}
	}
	return errMalformed
}

// unexpected turns an end of input in the middle of a response into the error that says so.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// Fault says how the transport failed a message.
type Fault string

// The ways in which a message can be left without an answer.
const (
	// FaultConnect is a connection that was never established; the message was not sent.
	FaultConnect Fault = "connect"
	// FaultTimeout is an answer that did not come within the time-out.
	FaultTimeout Fault = "timeout"
	// FaultClosed is a connection that broke or was closed before the answer was complete.
	FaultClosed Fault = "closed"
	// FaultMalformed is an answer that is no HTTP/1.1 response.
	FaultMalformed Fault = "malformed"
	// FaultStopped is a message given up because the run was stopped.
	FaultStopped Fault = "stopped"
)

// transportError is an error of the transport with its kind.
type transportError struct {
	fault Fault
	err   error
}

func (e *transportError) Error() string { return fmt.Sprintf("%s: %v", e.fault, e.err) }
func (e *transportError) Unwrap() error { return e.err }

func dialFault(err error) Fault {
	if errors.Is(err, context.Canceled) {
		return FaultStopped
	}
	return FaultConnect
}

func exchangeFault(ctx context.Context, err error) Fault {
	var network net.Error
	switch {
	case ctx.Err() != nil:
		return FaultStopped
	case errors.Is(err, errMalformed):
		return FaultMalformed
	case errors.As(err, &network) && network.Timeout():
		return FaultTimeout
	}
	return FaultClosed
}

// dialer connects to the server that a URL names, with TLS where the scheme is https.
func dialer(base *url.URL, config *tls.Config) func(context.Context) (net.Conn, error) {
	secure := base.Scheme == "https"
	address := net.JoinHostPort(base.Hostname(), cmp.Or(base.Port(), base.Scheme)) // the scheme names its port
	if !secure {
		return func(ctx context.Context) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", address)
		}
	}
	config = config.Clone()
	if config == nil {
		config = new(tls.Config)
	}
	config.NextProtos = []string{"http/1.1"}
	return func(ctx context.Context) (net.Conn, error) {
		return (&tls.Dialer{Config: config}).DialContext(ctx, "tcp", address)
	}
}
