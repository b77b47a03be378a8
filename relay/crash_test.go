package relay_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/relay"
	"github.com/scripworks/scrip/saf"
	"github.com/scripworks/scrip/secret"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/store/memstore"
	"github.com/scripworks/scrip/txn"
)

// The process is killed at every write and at every send, before it and after it, and started again: at the end both
// sides agree on every transaction.
func TestAKillAtEveryBoundary(t *testing.T) {
	most := 1000
	for at := 1; at <= most; at++ {
		died := false
		ok := t.Run(fmt.Sprint(at), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSimulation(t, uint64(at))
				s.deaths = []int{at}
				s.run(1, 4)
				died = s.died > 0
			})
		})
		if !ok || !died {
			t.Logf("%d boundaries", at-1)
			break
		}
	}
}

// The network loses, doubles, delays and reorders, the process is killed again and again, also while it recovers, and
// several tills send at once.
func TestKillsOnABadNetwork(t *testing.T) {
	for seed := range seeds() {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSimulation(t, seed)
				s.breaks(0.4)
				s.run(4, 6)
			})
		})
	}
}

// How many simulations of a kind are run. What the race detector looks for, in its short run, the first few meet as well as all:
// the others do the same in other orders.
const (
	allSeeds  = 60
	someSeeds = 10
)

func seeds() uint64 {
	if testing.Short() {
		return someSeeds
	}
	return allSeeds
}

// Where one upstream is not reached another one is asked, and never both.
func TestKillsWhileRequestsFallBack(t *testing.T) {
	second := 0
	for seed := range seeds() {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSimulation(t, seed)
				s.addNetwork(seed)
				s.breaks(0.5)
				s.run(4, 6)
				second += s.nets[1].book.approvals()
			})
		})
	}
	if second == 0 {
		t.Error("the second upstream has approved nothing")
	}
}

// Where nothing is taken back, what has no answer is asked about until it is known.
func TestKillsWhereNothingIsTakenBack(t *testing.T) {
	for seed := range seeds() {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSimulation(t, seed)
				s.asks = true
				s.breaks(0.4)
				s.run(4, 6)
			})
		})
	}
}

// errDead is what a killed process hears of everything.
var errDead = errors.New("the process was killed")

// mortal is a process as far as the world notices it: from the moment of its death it writes and sends nothing, and hears
// of nothing.
type mortal struct {
	mu    sync.Mutex
	steps int
	last  int // step that it does not survive; 0 is none
	gone  chan struct{}
}

func newMortal(last int) *mortal { return &mortal{last: last, gone: make(chan struct{})} }

// dies takes a step, and says whether the process is dead.
func (m *mortal) dies() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.dead() {
		return true
	}
	if m.steps++; m.steps == m.last {
		close(m.gone)
	}
	return m.dead()
}

// kill ends the process from outside.
func (m *mortal) kill() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.dead() {
		close(m.gone)
	}
}

func (m *mortal) dead() bool {
	select {
	case <-m.gone:
		return true
	default:
		return false
	}
}

// do does something that the world sees, unless the process dies before; it does not hear of it when it dies after.
func (m *mortal) do(act func() error) error {
	if m.dies() {
		return errDead
	}
	err := act()
	if m.dies() {
		return errDead
	}
	return err
}

// mortalStore is a store as a process uses it.
type mortalStore struct {
	saf.Store
	*mortal
}

// Update implements saf.Store.
func (s mortalStore) Update(ctx context.Context, keys saf.Keys, decide func(saf.Tx) error) error {
	return s.do(func() error { return s.Store.Update(ctx, keys, decide) })
}

// Later implements saf.Store.
func (s mortalStore) Later(keys saf.Keys, decide func(saf.Tx) error, done func()) {
	s.Store.Later(keys, func(tx saf.Tx) error {
		if s.dies() {
			return errDead
		}
		return decide(tx)
	}, done)
}

// mortalLeases are leases as a process has them.
type mortalLeases struct {
	relay.Leases
	*mortal
}

// Lease implements relay.Leases.
func (l mortalLeases) Lease(ctx context.Context, name string) (held bool, err error) {
	if l.dead() {
		return false, errDead
	}
	return l.Leases.Lease(ctx, name)
}

// Release implements relay.Leases.
func (l mortalLeases) Release(ctx context.Context, name string) error {
	if l.dead() {
		return errDead
	}
	return l.Leases.Release(ctx, name)
}

// mortalUpstream is an upstream of both contracts as a process uses it.
type mortalUpstream struct {
	seller // for what is not asked of it
	*network
	*mortal
}

// Request implements airtime.Service.
func (u mortalUpstream) Request(_ context.Context, q *airtime.Request) (response *airtime.Response, err error) {
	err = u.do(func() error { return u.carry(func() error { return u.book.request(q.ID) }) })
	return u.sold(), err
}

// Advise implements airtime.Service.
func (u mortalUpstream) Advise(_ context.Context, a *airtime.Advice) (*txn.Answer, error) {
	return nil, u.do(func() error { return u.carry(func() error { return u.book.advise(a.RequestID, a.Role) }) })
}

// Status implements airtime.Service.
func (u mortalUpstream) Status(_ context.Context, q *airtime.Query) (*airtime.Response, error) {
	return u.sold(), u.do(func() error { return u.carry(func() error { return u.book.status(q.ID) }) })
}

// network carries messages to the book, badly.
type network struct {
	book    *book
	odds    float64
	slowest time.Duration // of what is held up; 0 is slowest
	mu      sync.Mutex    // guards chance
	chance  *rand.Rand
	late    sync.WaitGroup // what is still on its way
}

// slowest is how long a message may be held up: less than twice the time-out of an upstream, after which one that was
// never seen is taken for lost (docs/rules.md 3.2).
const slowest = 90 * time.Second

// carry brings a message, or an answer, or neither.
func (n *network) carry(message func() error) error {
	n.mu.Lock()
	bad, what, delay := n.chance.Float64() < n.odds, n.chance.IntN(6), time.Duration(n.chance.Int64N(int64(cmp.Or(n.slowest, slowest))))
	n.mu.Unlock()
	if !bad {
		return message()
	}
	switch what {
	case 0:
		return &decline.NotTaken{Cause: decline.Unreached, Text: "no connection"}
	case 1:
		return errSilence
	case 2: // the answer is lost
		_ = message()
		return errSilence
	case 3: // doubled on the way: the first answer comes
		err := message()
		_ = message()
		return err
	case 4: // doubled: the second answer comes
		_ = message()
		return message()
	}
	n.late.Go(func() { // held up
		time.Sleep(delay)
		_ = message()
	})
	return errSilence
}

// book is an upstream that keeps the contract.
type book struct {
	mu       sync.Mutex
	state    map[ident.ID]txn.State
	gone     map[ident.ID]bool // reversed before they came
	approved map[ident.ID]int
	ended    map[ident.ID]int
}

func newBook() *book {
	return &book{state: map[ident.ID]txn.State{}, gone: map[ident.ID]bool{}, approved: map[ident.ID]int{}, ended: map[ident.ID]int{}}
}

func (b *book) request(id ident.ID) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.state[id] != txn.Absent:
		return decline.New(decline.DuplicateRecord, "")
	case b.gone[id]:
		b.state[id] = txn.Declined
		return decline.New(decline.GeneralError, "")
	}
	b.state[id] = txn.Open
	b.approved[id]++
	return nil
}

func (b *book) status(id ident.ID) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch b.state[id] {
	case txn.Absent:
		return decline.New(decline.UnableToLocateRecord, "")
	case txn.Declined:
		return decline.New(decline.OutOfStock, "")
	case txn.Reversed:
		return decline.New(decline.AccountAlreadySettled, "")
	}
	return nil
}

func (b *book) approvals() (all int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, n := range b.approved {
		all += n
	}
	return all
}

func (b *book) advise(id ident.ID, role txn.Role) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch txn.Judge(b.state[id], role) {
	case txn.Apply:
		b.state[id] = role.Ending()
		b.ended[id]++
		return nil
	case txn.Acknowledge:
		return nil
	case txn.Remember:
		b.gone[id] = true
		return decline.New(decline.UnableToLocateRecord, "")
	case txn.Locate:
		return decline.New(decline.UnableToLocateRecord, "")
	}
	return decline.New(decline.GeneralError, "")
}

// simulation is tills, a relay that is killed and started again, and an upstream behind a network.
type simulation struct {
	t      *testing.T
	driver store.Driver
	keys   *secret.Keys
	nets   []*network // of the upstreams, in the order of the route
	asks   bool       // the upstreams have no reversals
	chance *rand.Rand
	nodes  int                 // how many processes there are at once
	deaths []int               // after how many steps each process dies; those after them do not
	node   func() store.Driver // opens the store for one of several nodes; nil where there is one
	wait   time.Duration       // for an advice; 0 is the relay's own
	often  time.Duration       // how often it is looked whether the queue is empty
	graves sync.WaitGroup

	mu    sync.Mutex // guards what follows
	died  int
	now   []*incarnation
	heard map[ident.ID]string // what each till heard last
}

// incarnation is one life of the relay.
type incarnation struct {
	*mortal
	*relay.Relay
	driver store.Driver
	store  *store.Store
}

func newSimulation(t *testing.T, seed uint64) *simulation {
	keys, err := secret.Generate()
	if err != nil {
		t.Fatal(err)
	}
	chance := rand.New(rand.NewPCG(seed, 1))
	s := &simulation{t: t, driver: memstore.New(), keys: keys, chance: chance, nodes: 1, often: time.Minute, heard: map[ident.ID]string{}}
	s.addNetwork(seed)
	return s
}

// addNetwork adds another upstream to the route.
func (s *simulation) addNetwork(seed uint64) {
	s.nets = append(s.nets, &network{book: newBook(), chance: rand.New(rand.NewPCG(seed, 2+uint64(len(s.nets))))})
}

// breaks has the networks do mischief, and processes die.
func (s *simulation) breaks(odds float64) {
	for _, n := range s.nets {
		n.odds = odds
	}
	for range 6 {
		s.deaths = append(s.deaths, 1+s.chance.IntN(120))
	}
}

// route names the upstreams.
func (s *simulation) route() (names []string) {
	for i := range s.nets {
		names = append(names, fmt.Sprint("up", i))
	}
	return names
}

func (s *simulation) upstreams(m *mortal) (all []relay.Upstream) {
	for i, name := range s.route() {
		all = append(all, relay.Upstream{
			Name: name, Airtime: mortalUpstream{network: s.nets[i], mortal: m}, Pace: saf.Pace{MaxWait: time.Minute},
			Profile: relay.Profile{NoReversals: s.asks},
		})
	}
	return all
}

// begin starts processes in a place until one survives its start.
func (s *simulation) begin(place int) {
	for {
		i := s.bear()
		err := i.Start(context.Background())
		if err == nil {
			s.mu.Lock()
			s.now[place] = i
			s.mu.Unlock()
			return
		}
		if !i.dead() {
			s.t.Fatal(err)
		}
		s.bury(i)
	}
}

// bear makes a process.
func (s *simulation) bear() *incarnation {
	s.mu.Lock()
	last := 0
	if s.died < len(s.deaths) {
		last = s.deaths[s.died]
	}
	s.mu.Unlock()
	i := &incarnation{mortal: newMortal(last), driver: s.driver}
	if s.node != nil {
		i.driver = s.node()
	}
	i.store = store.New(i.driver, store.Settings{Keys: s.keys, Now: time.Now})
	settings := relay.Settings{
		Store: mortalStore{store.Queue(i.store), i.mortal}, Reports: i.driver, Keys: s.keys, Institution: ident.Reference{Institution: "switch"},
		Upstreams: s.upstreams(i.mortal), AdviceWait: s.wait,
	}
	if s.node != nil {
		settings.Leases = mortalLeases{i.driver, i.mortal}
	}
	made, err := relay.New(settings)
	if err != nil {
		s.t.Fatal(err)
	}
	i.Relay = made
	return i
}

// bury waits until nothing of a process runs any more. Other nodes notice its death a while later.
func (s *simulation) bury(i *incarnation) {
	s.mu.Lock()
	s.died++
	s.mu.Unlock()
	hurry, cancel := context.WithCancel(context.Background())
	cancel()
	_ = i.Close(hurry) // which says that it was in a hurry
	s.graves.Go(func() {
		if s.node != nil {
			time.Sleep(relay.LeaseTime)
		}
		if err := i.store.Close(); err != nil {
			s.t.Error(err)
		}
	})
	if s.node == nil {
		s.graves.Wait()
	}
}

// current gives one of the processes.
func (s *simulation) current() *incarnation {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now[s.chance.IntN(len(s.now))]
}

// living gives all of them.
func (s *simulation) living() []*incarnation {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.now)
}

// live has a process in a place until the service is over.
func (s *simulation) live(place int, over chan struct{}) {
	for {
		i := s.living()[place]
		select {
		case <-i.gone:
			s.bury(i)
			s.begin(place)
		case <-over:
			return
		}
	}
}

// run lets tills send, each so many transactions, and compares both sides in the end.
func (s *simulation) run(tills, each int) {
	s.now = make([]*incarnation, s.nodes)
	over := make(chan struct{})
	var sending, living sync.WaitGroup
	for place := range s.nodes {
		s.begin(place)
		living.Go(func() { s.live(place, over) })
	}
	for till := range tills {
		sending.Go(func() {
			for n := range each {
				s.transact(ident.ID(fmt.Sprintf("t%d-%d", till, n)), n)
			}
		})
	}
	sending.Wait()
	close(over)
	living.Wait()
	s.finish()
}

// settle waits until nothing is queued any more, also when a process dies once more.
func (s *simulation) settle() {
	for range 200 {
		for place, i := range s.living() {
			if i.dead() {
				s.bury(i)
				s.begin(place)
			}
		}
		if b := (&switchboard{t: s.t, driver: s.driver}); len(b.items()) == 0 {
			return
		}
		time.Sleep(s.often)
	}
	s.t.Error("the queue is never empty")
}

// transact sends a request and sees it through as a till must: it ends what was approved, and reverses what was not
// answered.
func (s *simulation) transact(id ident.ID, n int) {
	err := s.ask(id)
	s.note(id, outcome(err))
	var refusal *decline.Error
	var turned *decline.NotTaken
	switch {
	case err == nil && n%2 == 0:
		s.advise(id, txn.Confirmation)
	case err == nil, n%3 == 0: // also what it knows to be declined
		s.advise(id, txn.Reversal)
	case errors.As(err, &refusal), errors.As(err, &turned):
	default:
		s.advise(id, txn.Reversal)
	}
}

// ask sends a request once. A process that dies meanwhile has not answered.
func (s *simulation) ask(id ident.ID) error {
	process := s.current()
	_, err := process.Airtime(s.route()...).Request(s.t.Context(), purchase(id))
	if process.dead() {
		return errDead
	}
	return err
}

// advise repeats an advice until it is answered for good.
func (s *simulation) advise(request ident.ID, role txn.Role) {
	a := &airtime.Advice{Advice: *advice(txn.Purchase, role, request+"-"+ident.ID(role.String()), request)}
	for range 1000 {
		process := s.current()
		_, err := process.Airtime(s.route()...).Advise(s.t.Context(), a)
		var refusal *decline.Error
		switch {
		case process.dead():
		case err == nil:
			s.note(request, role.String())
			return
		case errors.As(err, &refusal) && role == txn.Reversal && refusal.Reason == decline.UnableToLocateRecord:
			s.note(request, role.String())
			return
		case errors.As(err, &refusal) && s.asks && refusal.Reason == decline.TransactionNotSupported:
			s.advise(request, txn.Confirmation) // it stands
			return
		case errors.As(err, &refusal):
			s.t.Errorf("the %s of %s is refused: %v", role, request, err)
			return
		}
		time.Sleep(time.Second)
	}
	s.t.Errorf("the %s of %s is never answered", role, request)
}

func (s *simulation) note(id ident.ID, heard string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.heard[id] = heard
}

// finish waits until nothing is on its way, and compares.
func (s *simulation) finish() {
	for _, n := range s.nets {
		n.mu.Lock()
		n.odds = 0
		n.mu.Unlock()
		n.late.Wait()
	}
	s.settle()
	b := &switchboard{t: s.t, driver: s.driver, store: s.current().store}
	if got := b.queued(); len(got) > 0 {
		s.t.Errorf("still queued: %v", got)
	}
	for id, heard := range s.heard {
		s.compare(id, heard, b.stands(s.t, id))
	}
	b.booksAreRight()
	for _, i := range s.living() {
		if err := i.Close(context.Background()); err != nil {
			s.t.Error(err)
		}
		if err := i.store.Close(); err != nil {
			s.t.Error(err)
		}
	}
	s.graves.Wait()
}

// compare asks that the till, the relay and the upstreams tell the same of a transaction.
func (s *simulation) compare(id ident.ID, heard string, here txn.Message) {
	for i, name := range s.route() {
		stands := here.State
		if name != here.Upstream {
			stands = txn.Absent
		}
		s.compareWith(s.nets[i].book, id, heard, stands)
	}
	if heard == "confirmation" && here.State != txn.Confirmed {
		s.t.Errorf("%s: its till has confirmed it, here it is %s", id, here.State)
	}
}

func (s *simulation) compareWith(b *book, id ident.ID, heard string, here txn.State) {
	b.mu.Lock()
	defer b.mu.Unlock()
	there := b.state[id]
	agree := false
	switch here {
	case txn.Confirmed:
		agree = there == txn.Confirmed && heard == "confirmation"
	case txn.Reversed:
		agree = there == txn.Reversed || there == txn.Absent || there == txn.Declined
	case txn.Declined, txn.Absent:
		agree = there == txn.Absent || there == txn.Declined
	}
	if !agree || b.approved[id] > 1 || b.approved[id] != b.ended[id] {
		s.t.Errorf("%s: its till heard %s, here it is %s, there it is %s after %d approvals and %d endings",
			id, heard, here, there, b.approved[id], b.ended[id])
	}
}
