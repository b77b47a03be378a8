package exchange

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/scripworks/scrip/api/wire"
	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/txn"
)

// Reading is the successful answer to a request while it is read into words. What is not there is empty; what is not
// looked at may be anything. A value that is there and cannot be read makes the answer as a whole unreadable, since it
// may be the one that counts: the outcome is then unknown.
type Reading struct {
	members map[string]wire.Value
	wrong   error
}

// Read begins to read an answer, which must be a JSON object. id is that of the message that is answered; where both it
// and the answer's are known they must be the same, for an answer to another message is none. The error never quotes the
// answer.
func Read(a *txn.Answer, id ident.ID) (*Reading, error) {
	root, err := wire.Parse(a.Body)
	if err != nil {
		return nil, fmt.Errorf("read the answer: %w", err)
	}
	if !root.IsObject() {
		return nil, errors.New("read the answer: it is no object")
	}
	x := &Reading{members: root.ByName()}
	if answered := x.Text("id"); answered != "" && id != "" && answered != string(id) {
		return nil, errors.New("read the answer: it is to another message")
	}
	return x, nil
}

// Receipt gives the answer to an advice as it may be passed on; nil when it is not an object, as the contract has it: an
// advice is done whatever was answered, and one who passes it on makes an answer of their own then.
func Receipt(a *txn.Answer) *txn.Answer {
	if a == nil {
		return nil
	}
	if root, err := wire.Parse(a.Body); err != nil || !root.IsObject() {
		return nil
	}
	return a
}

// Err says which value was there and could not be read; nil when all could. It is asked last.
func (x *Reading) Err() error { return x.wrong }

// Fail makes the answer unreadable for a value, unless it is so already. what never quotes it.
func (x *Reading) Fail(what string) {
	if x.wrong == nil {
		x.wrong = fmt.Errorf("read the answer: %s cannot be read", what)
	}
}

// Member gives a member of the answer.
func (x *Reading) Member(name string) wire.Value { return x.members[name] }

// Text gives a member that is a text; empty when it is not there, or something else.
func (x *Reading) Text(name string) string { return TextIn(x.members[name]) }

// Amount gives one of the answer's amounts; nil when it is not there.
func (x *Reading) Amount(name string) *money.Amount {
	v := x.members["amounts"].Member(name)
	if !v.Exists() {
		return nil
	}
	a, ok := AmountIn(v)
	if !ok {
		x.Fail("amounts." + name)
		return nil
	}
	return &a
}

// References gives the answer's third-party identifiers.
func (x *Reading) References() []ident.Reference {
	var all []ident.Reference
	for element := range x.members["thirdPartyIdentifiers"].Elements() {
		all = append(all, ident.Reference{
			Institution: TextIn(element.Member("institutionId")), Identifier: TextIn(element.Member("transactionIdentifier")),
		})
	}
	return all
}

// Issuer gives the reference by which whoever answers knows the transaction, and who that is: the one printed on the
// slip, else the last third-party identifier of the receiver, else of the settlement entity (rules S3 and S6).
func (x *Reading) Issuer() ident.Reference {
	theirs := x.referenceOf(TextIn(x.members["receiver"].Member("id")))
	if theirs == (ident.Reference{}) {
		theirs = x.referenceOf(TextIn(x.members["settlementEntity"].Member("id")))
	}
	if printed := TextIn(x.members["slipData"].Member("issuerReference")); printed != "" {
		theirs.Identifier = printed
	}
	return theirs
}

// referenceOf gives the last reference of an institution; the zero value when it has none.
func (x *Reading) referenceOf(institution string) (last ident.Reference) {
	for _, r := range x.References() {
		if institution != "" && r.Institution == institution {
			last = r
		}
	}
	return last
}

// Refusal gives the refusal that an error is, when an upstream worded it, with the message that it says it is about,
// empty when it does not say; else nil.
func Refusal(err error) (refusal *decline.Error, original ident.ID) {
	if !errors.As(err, &refusal) || refusal.Wire == nil {
		return nil, ""
	}
	root, err := wire.Parse(refusal.Wire)
	if err != nil {
		return refusal, ""
	}
	original, err = ident.ParseID(TextIn(root.Member("originalId")))
	if err != nil {
		return refusal, ""
	}
	return refusal, original
}

// Words gives what an upstream's refusal says to people, its errorMessage and after it what its detailMessage adds;
// empty when it says nothing. It may hold anything, and is for whoever asked, not for a log.
func Words(refusal *decline.Error) string {
	root, err := wire.Parse(refusal.Wire)
	if err != nil {
		return ""
	}
	said := []string{TextIn(root.Member("errorMessage")), TextIn(root.Member("detailMessage").Member("freeString"))}
	return strings.Join(slices.DeleteFunc(said, func(s string) bool { return s == "" }), ": ")
}

// TextIn gives the text that a value is; empty when it is none.
func TextIn(v wire.Value) string {
	text, _ := v.Text()
	return text
}

// AmountIn gives the amount that a value is, with its currency, and false when it is none.
func AmountIn(v wire.Value) (money.Amount, bool) {
	minor, err := wire.ParseAmount(v.Member("amount").Raw())
	if err != nil {
		return money.Amount{}, false
	}
	currency, err := money.ParseCurrency(TextIn(v.Member("currency")))
	return money.Amount{Minor: money.Minor(minor), Currency: currency}, err == nil
}
