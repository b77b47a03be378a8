package main

import (
	"fmt"

	"github.com/scripworks/scrip/keyset"
)

// keysCmd is `scrip keys`.
type keysCmd struct {
	Rotate rotateCmd `cmd:"" help:"Add fresh primary keys to a keyset; the old ones stay, to read what is there."`
}

// Help gives the example.
func (keysCmd) Help() string {
	return "Example:\n  scrip keys rotate data/keys.json"
}

// rotateCmd is `scrip keys rotate`.
type rotateCmd struct {
	File string `arg:"" type:"existingfile" help:"Keyset file, such as data/keys.json."`
}

// Help gives the example.
func (rotateCmd) Help() string {
	return "Servers take it up when they are started again. Card numbers are then found under the new key and the old\n" +
		"ones; keep the file's old copy until all servers run with the new one.\n\nExample:\n  scrip keys rotate data/keys.json"
}

// Run rotates a keyset.
func (r *rotateCmd) Run(c console) error {
	keys, err := keyset.Read(r.File)
	if err != nil {
		return err
	}
	if keys, err = keys.Rotate(); err != nil {
		return fmt.Errorf("%s: %w", r.File, err)
	}
	if err := keyset.Write(r.File, keys); err != nil {
		return err
	}
	_, err = fmt.Fprintln(c.out, "The primary PAN key is now", keys.Primary())
	return err
}
