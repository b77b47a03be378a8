package airtimehttp

import (
	"github.com/scripworks/scrip/api/wire"
	"github.com/scripworks/scrip/exchange"
)

// slots are the places in messages and queries that only airtime has, and those that it looks at by itself.
type slots struct {
	client, clientID, receiver, merchantID    wire.Slot
	productID, channelID, payments, labels    wire.Slot
	recipient, recipientMSISDN, buyerMSISDN   wire.Slot
	voucher, tenders, reason                  wire.Slot
	originalID, reference, provider           wire.Slot // of a status
	msisdn, senderMSISDN, operator            wire.Slot // of a look-up
	productType, channelName, productCategory wire.Slot // of a look-up or a list
}

func findSlots(s *exchange.Server) slots {
	return slots{
		client: s.Slot("client"), clientID: s.Slot("client.id"), receiver: s.Slot("receiver"),
		merchantID: s.Slot("originator.merchant.merchantId"),
		productID:  s.Slot("product.productId"), channelID: s.Slot("originator.channelId"), payments: s.Slot("paymentMethods"), labels: s.Slot("transactionLabels"),
		recipient: s.Slot("recipientMsisdn"), recipientMSISDN: s.Slot("recipientMsisdn.msisdn"),
		buyerMSISDN: s.Slot("senderMsisdn.msisdn"),
		voucher:     s.Slot("voucher"), tenders: s.Slot("tenders"), reason: s.Slot("reversalReason"),
		originalID: s.Slot("originalMsgId"), reference: s.Slot("purchaseReference"), provider: s.Slot("provider"),
		msisdn: s.Slot("msisdn"), senderMSISDN: s.Slot("senderMsisdn"), operator: s.Slot("operator"),
		productType: s.Slot("productType"), channelName: s.Slot("channelName"), productCategory: s.Slot("productCategory"),
	}
}
