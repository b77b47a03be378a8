// Package wire reads the JSON messages of the contracts and holds the few values that travel in them.
//
// An OpenAPI 3.0 document is the only place where the shape of a message stands: Compile turns it into
// Models, and a Model reads a body in one pass, judging it as it goes. What it refuses it names, every
// offending field with its path (docs/rules.md 1.3); what it accepts it leaves where it is: a Message
// remembers where in the body the values asked for begin and end, so that nothing is decoded twice and
// what is passed on is passed on byte for byte. The parameters of a query are judged in the same way. What was answered
// to us is looked into without being judged, by Parse.
//
// It promises that a body is accepted only when it is valid JSON (RFC 8259, UTF-8) in which no object
// has one name twice; that unknown members are ignored and null counts as absent (rules C4, C5, C7);
// that its findings are the same, and in the same order, each time; and that no error text quotes the body.
//
// Beyond OpenAPI's own keywords it understands these extensions:
//
//	x-scrip-unjudged: true     the value must have the right JSON type; nothing inside it is judged
//	x-scrip-unknown: absent    a value outside the enumeration reads as absent
//	x-scrip-alias-of: name     another name of the sibling member called name
//	x-go-type: wire.Amount     an amount as rule C7 allows it, whatever the declared type
//
// The keywords of OpenAPI that it does not understand are an error of Compile's Model, never ignored.
package wire
