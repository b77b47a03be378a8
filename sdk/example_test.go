package sdk_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/sdk"
)

// A sale: ask for the money, hand over the goods, confirm.
func Example() {
	w := newWorld()
	defer w.close()
	ctx := context.Background()

	till, unsettled, err := sdk.Open(ctx, sdk.Settings{
		Data:     w.dir,
		Upstream: sdk.Upstream{URL: w.url(), User: "shop-17", Password: "secret"},
		Identity: sdk.Identity{
			Institution: sdk.Party{ID: "shop-17", Name: "Corner shops"},
			Terminal:    "00000042",
			Merchant: sdk.Merchant{
				Type: "5411", ID: "000000000000017", Name: "Corner shop", City: "Cape Town", Region: "WC", Country: "ZA",
			},
		},
		Currency: "710", // the South African rand
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer till.Close()
	for _, u := range unsettled { // the first time, there are none
		fmt.Println("look up", u.Reference, "in our own books")
	}

	card := sdk.Card{PAN: "8561725642498548895", Expiry: "4010"}
	activation, err := till.Activate(ctx, sdk.Activation{Card: card, Product: "product001", Amount: 100_00, Reference: "receipt 1"})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := activation.Confirm(ctx); err != nil {
		fmt.Println(err)
		return
	}

	sale, err := till.Redeem(ctx, sdk.Redemption{Card: card, Amount: 12_50, Reference: "receipt 2"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("approved", sale.Amount, "of card", card)
	if err := sale.Confirm(ctx); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("left on it:", sale.Available)
	// Output:
	// approved 1250 minor of 710 of card 856172*********8895
	// left on it: 8750 minor of 710
}

func ExampleTill_Activate() {
	w := newWorld()
	defer w.close()
	ctx := context.Background()
	till := w.till()
	defer till.Close()

	activation, err := till.Activate(ctx, sdk.Activation{
		Card: sdk.Card{PAN: "8561725642498548895", Expiry: "4010"}, Product: "product001", Amount: 50_00,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("on the card:", activation.Balance, "to be spent before it is confirmed:", activation.Available)
	fmt.Println("confirmed:", activation.Confirm(ctx))
	// Output:
	// on the card: 5000 minor of 710 to be spent before it is confirmed: 0 minor of 710
	// confirmed: <nil>
}

func ExampleTill_Load() {
	w := newWorld()
	defer w.close()
	ctx := context.Background()
	till := w.activated(plainCard, 50_00)
	defer till.Close()

	load, err := till.Load(ctx, sdk.Load{Card: plainCard, Amount: 25_00})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("on the card:", load.Balance)
	fmt.Println("confirmed:", load.Confirm(ctx))
	// Output:
	// on the card: 7500 minor of 710
	// confirmed: <nil>
}

func ExampleTill_Redeem() {
	w := newWorld()
	defer w.close()
	ctx := context.Background()
	till := w.activated(pinCard, 50_00)
	defer till.Close()

	_, err := till.Redeem(ctx, sdk.Redemption{Card: pinCard, Amount: 80_00})
	if declined, is := errors.AsType[*sdk.Declined](err); is && declined.Reason == decline.InsufficientFunds {
		fmt.Println("there is not that much on it")
	}
	sale, err := till.Redeem(ctx, sdk.Redemption{Card: pinCard, Amount: 20_00, Reference: "receipt 4711"})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, line := range sale.Answer.Lines {
		fmt.Println("print:", line)
	}
	fmt.Println("confirmed:", sale.Confirm(ctx))
	// Output:
	// there is not that much on it
	// print: GIFT CARD REDEMPTION
	// confirmed: <nil>
}

// The customer changed their mind: the sale never took effect.
func ExampleTransaction_Reverse() {
	w := newWorld()
	defer w.close()
	ctx := context.Background()
	till := w.activated(plainCard, 50_00)
	defer till.Close()

	sale, err := till.Redeem(ctx, sdk.Redemption{Card: plainCard, Amount: 20_00})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("reversed:", sale.Reverse(ctx))
	card, err := till.LookUp(ctx, sdk.LookUp{Card: plainCard})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("on the card:", card.Available)
	fmt.Println("too late:", errors.Is(sale.Confirm(ctx), sdk.ErrEnded))
	// Output:
	// reversed: <nil>
	// on the card: 5000 minor of 710
	// too late: true
}

// One of two bottles was broken: less is taken than was approved.
func ExampleTransaction_ConfirmPart() {
	w := newWorld()
	defer w.close()
	ctx := context.Background()
	till := w.activated(plainCard, 50_00)
	defer till.Close()

	sale, err := till.Redeem(ctx, sdk.Redemption{Card: plainCard, Amount: 20_00})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("confirmed:", sale.ConfirmPart(ctx, 10_00))
	card, err := till.LookUp(ctx, sdk.LookUp{Card: plainCard})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("on the card:", card.Available)
	// Output:
	// confirmed: <nil>
	// on the card: 4000 minor of 710
}

func ExampleTill_Void() {
	w := newWorld()
	defer w.close()
	ctx := context.Background()
	till := w.activated(plainCard, 50_00)
	defer till.Close()

	void, err := till.Void(ctx, sdk.Void{Card: plainCard, Reference: "lost"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("confirmed:", void.Confirm(ctx))
	_, err = till.Redeem(ctx, sdk.Redemption{Card: plainCard, Amount: 1_00})
	declined, _ := errors.AsType[*sdk.Declined](err)
	fmt.Println("then:", declined.Reason)
	// Output:
	// confirmed: <nil>
	// then: CARD_VOIDED
}

func ExampleTill_Replace() {
	w := newWorld()
	defer w.close()
	ctx := context.Background()
	till := w.activated(plainCard, 50_00)
	defer till.Close()

	replacement, err := till.Replace(ctx, sdk.Replacement{Old: plainCard, New: otherCard})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("on the new card:", replacement.Balance)
	fmt.Println("confirmed:", replacement.Confirm(ctx))
	// Output:
	// on the new card: 5000 minor of 710
	// confirmed: <nil>
}

func ExampleTill_Transfer() {
	w := newWorld()
	defer w.close()
	ctx := context.Background()
	till := w.activated(plainCard, 50_00)
	defer till.Close()
	activation, err := till.Activate(ctx, sdk.Activation{Card: otherCard, Product: "product001"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("confirmed:", activation.Confirm(ctx))

	transfer, err := till.Transfer(ctx, sdk.Transfer{From: plainCard, To: otherCard, Amount: 30_00})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("left on the first card:", transfer.Balance)
	fmt.Println("confirmed:", transfer.Confirm(ctx))
	// Output:
	// confirmed: <nil>
	// left on the first card: 2000 minor of 710
	// confirmed: <nil>
}

func ExampleTill_LookUp() {
	w := newWorld()
	defer w.close()
	ctx := context.Background()
	till := w.activated(plainCard, 50_00)
	defer till.Close()

	card, err := till.LookUp(ctx, sdk.LookUp{Card: plainCard})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(card.Available, "on a card of", card.Product.ID)
	_, err = till.LookUp(ctx, sdk.LookUp{Card: sdk.Card{PAN: "4000000000000002"}})
	declined, _ := errors.AsType[*sdk.Declined](err)
	fmt.Println("a card that nobody knows:", declined.Reason)
	// Output:
	// 5000 minor of 710 on a card of product001
	// a card that nobody knows: INVALID_CARD_NUMBER
}

// A voucher: print the PIN, then confirm.
func ExampleTill_Purchase() {
	w := newWorld()
	defer w.close()
	ctx := context.Background()
	till := w.till()
	defer till.Close()

	purchase, err := till.Purchase(ctx, sdk.Order{Product: "productId123", Reference: "receipt 5"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(purchase.Product.Name, "for", purchase.Amount)
	fmt.Println("a PIN to print:", purchase.Voucher.PIN != "")
	for _, line := range purchase.Voucher.Instructions {
		fmt.Println("print:", line)
	}
	fmt.Println("confirmed:", purchase.Confirm(ctx))
	// Output:
	// Airtime voucher 10 for 1000 minor of 710
	// a PIN to print: true
	// print: Dial *100* and the PIN and #
	// print: and press call
	// confirmed: <nil>
}

func ExampleTill_Purchase_topUp() {
	w := newWorld()
	defer w.close()
	ctx := context.Background()
	till := w.till()
	defer till.Close()

	topUp, err := till.Purchase(ctx, sdk.Order{Product: "greenAirtime", Amount: 20_00, Recipient: "27831234567"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("topped up", topUp.Recipient, "with", topUp.Amount)
	fmt.Println("confirmed:", topUp.Confirm(ctx))
	// Output:
	// topped up 27831234567 with 2000 minor of 710
	// confirmed: <nil>
}

func ExampleTill_Provision() {
	w := newWorld()
	defer w.close()
	ctx := context.Background()
	till := w.till()
	defer till.Close()

	sold, err := till.Provision(ctx, sdk.Order{Product: "productId123"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("a PIN to print:", sold.Voucher.PIN != "")
	fmt.Println("confirmed:", sold.Confirm(ctx))
	// Output:
	// a PIN to print: true
	// confirmed: <nil>
}

func ExampleTill_Trial() {
	w := newWorld()
	defer w.close()
	ctx := context.Background()
	till := w.till()
	defer till.Close()

	quote, err := till.Trial(ctx, sdk.Order{Product: "greenAirtime", Amount: 20_00, Recipient: "27831234567"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("it would cost the customer", quote.Amount)
	_, err = till.Trial(ctx, sdk.Order{Product: "greenAirtime", Amount: 20_00, Recipient: "27741234567"})
	declined, _ := errors.AsType[*sdk.Declined](err)
	fmt.Println("for a number of another network:", declined.Reason)
	// Output:
	// it would cost the customer 2000 minor of 710
	// for a number of another network: INVALID_MSISDN
}

// After a crash, the status brings a voucher again whose PIN the till has not kept.
func ExampleTill_Status() {
	w := newWorld()
	defer w.close()
	ctx := context.Background()
	till := w.till()
	purchase, err := till.Purchase(ctx, sdk.Order{Product: "productId123"})
	if err != nil {
		fmt.Println(err)
		return
	}
	till.Close() // and here the program stopped

	till, unsettled, err := sdk.Open(ctx, w.settings())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer till.Close()
	again, err := till.Status(ctx, unsettled[0].ID)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("the same voucher:", again.Voucher.PIN == purchase.Voucher.PIN)
	fmt.Println("confirmed:", again.Confirm(ctx))
	// Output:
	// the same voucher: true
	// confirmed: <nil>
}

func ExampleTill_LookUpMSISDN() {
	w := newWorld()
	defer w.close()
	till := w.till()
	defer till.Close()

	subscriber, err := till.LookUpMSISDN(context.Background(), sdk.Number{MSISDN: "27741234567"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(subscriber.Operator.Name, "in", subscriber.Country)
	for _, product := range subscriber.Products {
		fmt.Println("-", product.Name)
	}
	// Output:
	// Blue Mobile in ZA
	// - Blue airtime 20
	// - Blue data 1 GB
	// - Airtime voucher 10
}

func ExampleTill_Products() {
	w := newWorld()
	defer w.close()
	till := w.till()
	defer till.Close()

	products, err := till.Products(context.Background(), "till")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, product := range products {
		fmt.Println(product.ID, product.Values[0], "a top-up:", product.TopUp)
	}
	// Output:
	// blueAirtime20 2000 minor of 710 a top-up: true
	// productId123 1000 minor of 710 a top-up: false
}

// The upstream is away: what was not sent had no effect, and what was decided is delivered when it is back.
func Example_outage() {
	w := newWorld()
	defer w.close()
	ctx := context.Background()
	settings := w.settings()
	settings.Upstream.AdviceWait = 50 * time.Millisecond // how long Confirm waits for the upstream
	till, _, err := sdk.Open(ctx, settings)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer till.Close()
	sale, err := till.Activate(ctx, sdk.Activation{Card: plainCard, Product: "product001", Amount: 50_00})
	if err != nil {
		fmt.Println(err)
		return
	}

	w.cut()
	fmt.Println("confirmed:", sale.Confirm(ctx)) // it is on the disk
	queue, err := till.Queue(ctx)
	fmt.Println("waiting:", queue.Depth, err)
	_, err = till.Redeem(ctx, sdk.Redemption{Card: plainCard, Amount: 12_50})
	_, notTaken := errors.AsType[*sdk.NotTaken](err)
	fmt.Println("not taken:", notTaken)

	w.mend()
	fmt.Println("delivered:", till.Drain(ctx))
	sold, err := till.Redeem(ctx, sdk.Redemption{Card: plainCard, Amount: 12_50})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("sold for", sold.Amount, "and confirmed:", sold.Confirm(ctx))
	// Output:
	// confirmed: <nil>
	// waiting: 1 <nil>
	// not taken: true
	// delivered: <nil>
	// sold for 1250 minor of 710 and confirmed: <nil>
}

// The program stops in the middle of a sale. Whether the goods left the shop is known to its own books alone.
func Example_crash() {
	w := newWorld()
	defer w.close()
	ctx := context.Background()
	till := w.activated(plainCard, 50_00)
	if _, err := till.Redeem(ctx, sdk.Redemption{Card: plainCard, Amount: 12_50, Reference: "receipt 4711"}); err != nil {
		fmt.Println(err)
		return
	}
	till.Close() // before it was confirmed or reversed

	till, unsettled, err := sdk.Open(ctx, w.settings())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer till.Close()
	for _, u := range unsettled {
		fmt.Println(u.Operation, "of", u.Amount, "for", u.Reference)
		goodsLeftTheShop := u.Reference == "receipt 4711" // as our own books say
		if goodsLeftTheShop {
			fmt.Println("confirmed:", u.Confirm(ctx))
		} else {
			fmt.Println("reversed:", u.Reverse(ctx))
		}
	}
	// Output:
	// redemption of 1250 minor of 710 for receipt 4711
	// confirmed: <nil>
}
