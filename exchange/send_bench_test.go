package exchange_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/scripworks/scrip/exchange"
	"github.com/scripworks/scrip/txn"
)

// The cost of Send is told beside that of net/http's own client, which sends the same to the same server:
//
//	go test -run '^$' -bench BenchmarkSend ./exchange/
func BenchmarkSend(b *testing.B) {
	url := quickServer(b)
	for name, send := range map[string]func() error{"client": throughClient(b, url), "bare": throughNetHTTP(b, url)} {
		b.Run(name+"/1", func(b *testing.B) { sendAll(b, 1, send) })
		b.Run(name+"/64", func(b *testing.B) { sendAll(b, 64, send) })
	}
}

// sendAll sends b.N messages, as many at once as told.
func sendAll(b *testing.B, parallel int, send func() error) {
	b.ReportAllocs()
	places := make(chan struct{}, parallel)
	for b.Loop() {
		if parallel == 1 {
			if err := send(); err != nil {
				b.Fatal(err)
			}
			continue
		}
		places <- struct{}{}
		go func() {
			if err := send(); err != nil {
				b.Error(err)
			}
			<-places
		}()
	}
	for range parallel {
		places <- struct{}{}
	}
}

func throughClient(b *testing.B, url string) func() error {
	client, err := exchange.NewClient(exchange.ClientSettings{URL: url, Credentials: exchange.Same(exchange.Basic("till", "secret"))})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(client.Close)
	return func() error {
		_, err := client.Send(context.Background(), exchange.Outgoing{
			Method: http.MethodPost, Path: "/airtime/v5/purchases/confirmations", Body: txn.Wire(aConfirmation), Role: txn.Confirmation,
		})
		return err
	}
}

func throughNetHTTP(b *testing.B, url string) func() error {
	transport := &http.Transport{MaxIdleConnsPerHost: 64, MaxConnsPerHost: 256, DisableCompression: true}
	b.Cleanup(transport.CloseIdleConnections)
	client := &http.Client{Transport: transport}
	return func() error {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/airtime/v5/purchases/confirmations", strings.NewReader(aConfirmation))
		if err != nil {
			return err
		}
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("Accept", "application/json")
		request.SetBasicAuth("till", "secret")
		answer, err := client.Do(request)
		if err != nil {
			return err
		}
		defer func() { _ = answer.Body.Close() }()
		_, err = io.ReadAll(answer.Body)
		return err
	}
}

// quickServer answers every message with the same bytes, and costs next to nothing. It gives its URL.
func quickServer(b *testing.B) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go answerQuickly(conn)
		}
	}()
	return "http://" + listener.Addr().String()
}

const quickAnswer = "HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n{\"id\":\"1\"}"

// answerQuickly knows that every message ends with the body it knows.
func answerQuickly(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	in := bufio.NewReader(conn)
	for {
		for {
			line, err := in.ReadSlice('\n')
			if err != nil {
				return
			}
			if len(line) <= 2 {
				break
			}
		}
		if _, err := in.Discard(len(aConfirmation)); err != nil {
			return
		}
		if _, err := io.WriteString(conn, quickAnswer); err != nil {
			return
		}
	}
}
