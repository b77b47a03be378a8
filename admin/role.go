package admin

// Role is what an operator may do. Each may do what the ones before it may, and more.
type Role uint8

// The roles.
const (
	Viewer    Role = 1 // sees accounts, products, cards, stock, floats, transactions, imports and queues
	Auditor   Role = 2 // reads message bodies and the audit trail
	Attendant Role = 3 // adds cards and vouchers, freezes, unlocks, reveals, settles, suspends, steers queues, backs up; its name is operator
	Admin     Role = 4 // moves money, gives up advices, and changes accounts, products, networks and operators
)

var roleNames = [...]string{"", "viewer", "auditor", "operator", "admin"}

// String gives the role's name.
func (r Role) String() string { return roleNames[r] }

// ParseRole reads a role's name.
func ParseRole(s string) (Role, bool) {
	for i, name := range roleNames {
		if i > 0 && name == s {
			return Role(i), true
		}
	}
	return 0, false
}

// Act is something that an operator does. Its text stands in the audit trail and never changes.
type Act string

// The acts that only read.
const (
	SeeAccounts     Act = "account.see"
	SeeProducts     Act = "product.see"
	SeeCards        Act = "card.see"
	SeeImports      Act = "import.see"
	SeeTransactions Act = "transaction.see"
	ReadBody        Act = "transaction.body"
	ReadAudit       Act = "audit.read"
	SeeOperators    Act = "operator.see"
	SeeStock        Act = "voucher.see"
	SeeFloats       Act = "float.see"
	SeeQueue        Act = "queue.see"
)

// The acts that change something.
const (
	AddCard          Act = "card.add"
	ImportCards      Act = "card.import"
	FreezeCard       Act = "card.freeze"
	UnfreezeCard     Act = "card.unfreeze"
	UnlockPIN        Act = "card.unlock"
	SettleRequest    Act = "transaction.settle"
	SuspendAccount   Act = "account.suspend"
	ResumeAccount    Act = "account.resume"
	CreditCard       Act = "card.credit"
	DebitCard        Act = "card.debit"
	WriteOffCard     Act = "card.writeOff"
	CreateAccount    Act = "account.create"
	ChangeAccount    Act = "account.change"
	AddCredential    Act = "account.credential.add"
	RevokeCredential Act = "account.credential.revoke"
	CreateProduct    Act = "product.create"
	ChangeProduct    Act = "product.change"
	CreateOperator   Act = "operator.create"
	RevokeOperator   Act = "operator.revoke"

	PutAirtimeProduct      Act = "airtime.product.put"
	WithdrawAirtimeProduct Act = "airtime.product.withdraw"
	RestoreAirtimeProduct  Act = "airtime.product.restore"
	PutNetwork             Act = "airtime.network.put"
	ImportVouchers         Act = "voucher.import"
	ReleaseVoucher         Act = "voucher.release"
	WithdrawVoucher        Act = "voucher.withdraw"
	RevealVoucher          Act = "voucher.reveal"
	CloseBatch             Act = "batch.close"
	OpenBatch              Act = "batch.open"
	DepositFloat           Act = "float.deposit"
	WithdrawFloat          Act = "float.withdraw"

	RetryItem      Act = "queue.retry"
	ParkItem       Act = "queue.park"
	CloseItem      Act = "queue.close"
	PauseUpstream  Act = "upstream.pause"
	ResumeUpstream Act = "upstream.resume"

	BackUp Act = "store.backup"
)

// needs is the least role for each act; the operators' interface documents it by operation.
var needs = map[Act]Role{
	SeeAccounts: Viewer, SeeProducts: Viewer, SeeCards: Viewer, SeeImports: Viewer, SeeTransactions: Viewer,
	ReadBody: Auditor, ReadAudit: Auditor,
	AddCard: Attendant, ImportCards: Attendant, FreezeCard: Attendant, UnfreezeCard: Attendant, UnlockPIN: Attendant,
	SettleRequest: Attendant, SuspendAccount: Attendant, ResumeAccount: Attendant,
	CreditCard: Admin, DebitCard: Admin, WriteOffCard: Admin,
	CreateAccount: Admin, ChangeAccount: Admin, AddCredential: Admin, RevokeCredential: Admin,
	CreateProduct: Admin, ChangeProduct: Admin, SeeOperators: Admin, CreateOperator: Admin, RevokeOperator: Admin,
	SeeStock: Viewer, SeeFloats: Viewer,
	WithdrawAirtimeProduct: Attendant, RestoreAirtimeProduct: Attendant, ImportVouchers: Attendant,
	WithdrawVoucher: Attendant, RevealVoucher: Attendant, CloseBatch: Attendant, OpenBatch: Attendant,
	PutAirtimeProduct: Admin, PutNetwork: Admin, ReleaseVoucher: Admin, DepositFloat: Admin, WithdrawFloat: Admin,
	SeeQueue: Viewer, RetryItem: Attendant, ParkItem: Attendant, PauseUpstream: Attendant, ResumeUpstream: Attendant, CloseItem: Admin,
	BackUp: Attendant,
}

// Needs gives the least role that may do an act; an act that is not known needs more than there is.
func Needs(a Act) Role {
	if r, known := needs[a]; known {
		return r
	}
	return Admin + 1
}
