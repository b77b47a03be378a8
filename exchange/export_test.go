package exchange

import (
	"context"
	"net"
	"net/http"
	"time"

	"github.com/scripworks/scrip/txn"
)

// What tests of the client reach that nobody else does.
const (
	LateGrace    = lateGrace
	TokenLeeway  = tokenLeeway
	TokenPause   = tokenPause
	TokenTimeout = tokenTimeout
)

// Judge judges an answer as if it had come.
func Judge(o Outgoing, status int, header http.Header, body []byte, now time.Time) (*txn.Answer, error) {
	return o.judge(&reply{status: status, header: header, body: body}, now)
}

// DialWith has the client connect by other means than the network.
func (c *Client) DialWith(dial func(ctx context.Context, network, address string) (net.Conn, error)) {
	c.transport.DialContext = dial
}
