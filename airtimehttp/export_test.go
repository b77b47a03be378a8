package airtimehttp

// What tests read answers with, without a server.
var (
	ReadResponse   = readResponse
	ReadSubscriber = readSubscriber
	ReadRange      = readRange
)
