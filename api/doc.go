// Package api holds the published facts of the contracts and sees to it that our documents keep to them.
//
// facts.json is what the interfaces Giftcard v3 and Airtime v5 fix: operations, models, fields and their
// limits, without their words. additions.yaml lists, item by item, where our documents accept or answer
// something else, and why. The tests of this package take both the facts and a document apart into single
// statements and compare them in both directions, so that neither the document, nor the facts, nor the
// list of additions can change alone.
//
// The documents stand in the directories below, with the Go that is generated from them.
package api
