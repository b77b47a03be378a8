package postgres

import "context"

// Renew has a node live on now, and not only within a second.
func Renew(d *Driver) error { return d.renew(context.Background()) }

// AwaitTurn waits until a try succeeds.
var AwaitTurn = awaitTurn
