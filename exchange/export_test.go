package exchange

import (
	"context"
	"net"
	"net/http"
	"time"

	"golang.org/x/oauth2"

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

// AskWith has a credential of OAuth2 ask for tokens by other means than the network.
func AskWith(c Credential, dial func(ctx context.Context, network, address string) (net.Conn, error)) {
	client := c.(*oauth).life.Value(oauth2.HTTPClient).(*http.Client)
	client.Transport.(*http.Transport).DialContext = dial
}
