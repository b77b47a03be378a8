package conform

import (
	"net/http"
	"slices"
	"strings"
)

// judge compares the answer with the expectation, as far as the answer is known without a wire.
func (r *run) judge(m Message, a Answer, e Expect) []problem {
	want := e.Counts[0]
	if !want.fits(a, r.success(m.Kind)) {
		return []problem{{"", a.String()}}
	}
	if want.Outcome == Answered {
		return nil
	}
	var problems []problem
	differ := func(name, want, came string) {
		if want != "any" && came != "" && want != came {
			problems = append(problems, problem{name + "=" + want, came})
		}
	}
	if a.outcome() != Approved && a.outcome() != Accepted {
		differ("id", or(r.known(e.Keys["id"]), or(m.ID, "any")), a.ID)
		differ("requestType", or(e.Keys["requestType"], m.RequestType()), a.RequestType)
		if original := r.original(m, e); original != a.OriginalID && original != "any" && a.ID != "" {
			problems = append(problems, problem{"originalId=" + or(original, "absent"), or(a.OriginalID, "absent")})
		}
		if fields, ok := e.Keys["fields"]; ok && !sameFields(fields, a.Fields) {
			problems = append(problems, problem{"fields=" + fields, strings.Join(a.Fields, ",")})
		}
		return problems
	}
	if m.ID != "" {
		differ("id", m.ID, a.ID)
	}
	if product, ok := e.Keys["product"]; ok && a.Product != nil {
		differ("product", or(r.known(product), "none"), or(*a.Product, "none"))
	}
	if a.outcome() == Approved && m.Kind.airtime() {
		problems = append(problems, r.judgeSale(m, a, e.Keys)...)
	}
	if a.outcome() == Approved && !m.Kind.query() {
		problems = append(problems, judgeAmounts(a.Amounts, m.Kind.airtime(), e.Keys)...)
	}
	return problems
}

// fits says whether outcome, type and status are those expected.
func (c Count) fits(a Answer, success int) bool {
	if c.Type != "" && c.Type != a.ErrorType {
		return false
	}
	if c.Outcome == Refused || c.Outcome == Answered {
		return a.Status == c.Status
	}
	return a.outcome() == c.Outcome && a.Status == c.status(success)
}

// success is the status of an approval (rule C10, and section 8 for two of the queries).
func (r *run) success(kind Kind) int {
	switch {
	case (kind == PurchaseStatus || kind == LookupMSISDN) && r.options.Profile == Compatibility:
		return http.StatusAccepted
	case kind == Trial || kind.query():
		return http.StatusOK
	}
	return http.StatusCreated
}

// status is the one status that means the outcome (rules C10, L7 and L9). That of an approval is success.
func (c Count) status(success int) int {
	switch {
	case c.Status != 0:
		return c.Status
	case c.Outcome == Approved:
		return success
	case c.Outcome == Accepted:
		return http.StatusAccepted
	case c.Type == "UNABLE_TO_LOCATE_RECORD":
		return http.StatusNotFound
	}
	return http.StatusBadRequest
}

// known gives a word of an expectation the value of its name, when it is one.
func (r *run) known(word string) string {
	if word == "none" {
		return ""
	}
	return or(r.names[word], word)
}

// original is the originalId that an ErrorDetail owes: the request of an advice, and none for a request.
func (r *run) original(m Message, e Expect) string {
	if word, ok := e.Keys["originalId"]; ok {
		return r.known(word)
	}
	return m.RequestID
}

func sameFields(want string, got []string) bool {
	expected := strings.Split(want, ",")
	slices.Sort(expected)
	found := slices.Clone(got)
	slices.Sort(found)
	return slices.Equal(expected, found)
}

// judgeAmounts compares the amounts of an approval. What the expectation does not state must not be there
// (section 2.2, amounts in responses), save that a purchase may repeat what was asked for.
func judgeAmounts(a Amounts, airtime bool, keys map[string]string) []problem {
	var problems []problem
	for _, m := range a.members() {
		want, stated := keys[m.name]
		if want == "any" || !stated && m.name == "requested" && airtime {
			continue
		}
		if !stated {
			want = "absent"
		}
		if want != shown(m.value) {
			problems = append(problems, problem{m.name + "=" + want + " in the answer", shown(m.value)})
		}
	}
	return problems
}
