package config_test

import (
	"fmt"

	"github.com/alecthomas/kong"

	"github.com/scripworks/scrip/config"
)

// A command embeds the settings, lets kong fill them, and checks them before it uses them.
func Example() {
	var command struct {
		Serve struct{ config.Serve } `cmd:"" help:"Serve the contracts."`
	}
	parser := kong.Must(&command)
	if _, err := parser.Parse([]string{"serve", "--data", "store", "--listen", "0.0.0.0:8080"}); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(command.Serve.Check())
	// Output:
	// setting listen (--listen, SCRIP_LISTEN): "0.0.0.0:8080" can be reached by others: give tls.cert and tls.key, or plain-http if a proxy in front ends TLS
}
