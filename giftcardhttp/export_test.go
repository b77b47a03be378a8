package giftcardhttp

// ReadResponse is what tests read answers with, without a server.
var ReadResponse = readResponse
