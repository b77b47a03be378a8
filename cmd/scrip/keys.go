package main

import (
	"fmt"

	"github.com/scripworks/scrip/keyset"
	"github.com/scripworks/scrip/secret"
)

// keysCmd is `scrip keys`.
type keysCmd struct {
	New     newKeysCmd `cmd:"" help:"Make a keyset for a new store, such as one that several servers will share."`
	Prepare prepareCmd `cmd:"" help:"Add fresh keys to a keyset that nothing uses yet, before a rotation where several servers share a store."`
	Rotate  rotateCmd  `cmd:"" help:"Use prepared keys, or else fresh ones, for what is new; the old ones stay, to read what is there."`
}

// Help gives the example.
func (keysCmd) Help() string {
	return "Example:\n  scrip keys new keys.json\n  scrip keys rotate data/keys.json"
}

// newKeysCmd is `scrip keys new`.
type newKeysCmd struct {
	File string `arg:"" type:"path" help:"File to make; there must be none."`
}

// Help gives the example.
func (newKeysCmd) Help() string {
	return "Give a copy to every server of the store, and keep one in a safe place: without it the store cannot be read. A server with\n" +
		"--data and without --keyset makes its own at its first start, and needs none from here.\n\nExample:\n  scrip keys new keys.json"
}

// Run makes a keyset.
func (n *newKeysCmd) Run(c console) error {
	if err := isFree(n.File); err != nil {
		return usageError{err}
	}
	if err := keyset.Make(n.File); err != nil {
		return err
	}
	_, err := fmt.Fprintf(c.out, "Made a keyset in %s. Without it the store cannot be read: keep a copy in a safe place.\n", n.File)
	return err
}

// rotateCmd is `scrip keys rotate`.
type rotateCmd struct {
	File string `arg:"" type:"existingfile" help:"Keyset file, such as data/keys.json."`
}

// Help gives the example.
func (rotateCmd) Help() string {
	return "Servers take it up when they are started again. Card numbers are then found under the new key and the old\n" +
		"ones; keep the file's old copy until all servers run with the new one. Where several share a store, all of them must\n" +
		"run with what scrip keys prepare has written before one is started with what this writes.\n\nExample:\n  scrip keys rotate data/keys.json"
}

// Run rotates a keyset.
func (r *rotateCmd) Run(c console) error {
	keys, err := rewrite(r.File, (*secret.Keys).Rotate)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(c.out, "The primary PAN key is now", keys.Primary())
	return err
}

// prepareCmd is `scrip keys prepare`.
type prepareCmd struct {
	File string `arg:"" type:"existingfile" help:"Keyset file, such as data/keys.json."`
}

// Help gives the example.
func (prepareCmd) Help() string {
	return "Give the file to every server and start one after the other again. Then scrip keys rotate, give it to every server\n" +
		"again, and start one after the other again. A keyset that is prepared stays as it is.\n\nExample:\n  scrip keys prepare data/keys.json"
}

// Run prepares a keyset.
func (p *prepareCmd) Run(c console) error {
	keys, err := rewrite(p.File, (*secret.Keys).Prepare)
	if err != nil {
		return err
	}
	numbers := keys.Numbers()
	_, err = fmt.Fprintf(c.out, "The primary PAN key is still %d; %d is prepared\n", keys.Primary(), numbers[len(numbers)-1])
	return err
}

// rewrite writes what becomes of a keyset in its place.
func rewrite(path string, turn func(*secret.Keys) (*secret.Keys, error)) (*secret.Keys, error) {
	keys, err := keyset.Read(path)
	if err != nil {
		return nil, err
	}
	if keys, err = turn(keys); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return keys, keyset.Write(path, keys)
}
