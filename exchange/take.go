package exchange

import (
	"errors"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/scripworks/scrip/api/wire"
	"github.com/scripworks/scrip/decline"
)

// take takes in the message and judges it by the document (V1 to V5).
func (x *Exchange) take(r *http.Request) *failure {
	if x.asked.query() {
		return x.takeQuery(r)
	}
	kind := r.Header.Get("Content-Type")
	if kind == "" && r.ContentLength == 0 {
		return x.judge() // what is missing has no type
	}
	if !isJSON(kind) {
		return &failure{status: http.StatusUnsupportedMediaType, reason: decline.FormatError, text: "the body must be application/json"}
	}
	if r.ContentLength > MaxBody {
		return tooLarge()
	}
	if err := x.takeIn(r.Body, MaxBody+1); err != nil {
		return x.cutShort()
	}
	if x.buffer.Len() > MaxBody {
		return tooLarge()
	}
	if f := x.judge(); f != nil {
		return f
	}
	return x.checkPath()
}

// takeIn reads the body, or as much of it as is allowed.
func (x *Exchange) takeIn(body io.Reader, limit int64) error {
	x.read = true
	_, err := x.buffer.ReadFrom(io.LimitReader(body, limit))
	return err
}

func tooLarge() *failure {
	return &failure{
		status: http.StatusRequestEntityTooLarge, reason: decline.FormatError,
		text: "a body may have " + strconv.Itoa(MaxBody) + " bytes",
	}
}

// cutShort answers a body that ends too early. An advice will be repeated, so it must not be refused for good.
func (x *Exchange) cutShort() *failure {
	f := malformed("the body could not be read to its end", nil)
	if x.asked.Advice() {
		f.status, f.reason = http.StatusInternalServerError, decline.GeneralError
	}
	return &f
}

func isJSON(contentType string) bool {
	if contentType == jsonType[0] {
		return true
	}
	media, _, err := mime.ParseMediaType(contentType)
	return err == nil && strings.EqualFold(media, jsonType[0])
}

func (x *Exchange) judge() *failure {
	if x.buffer.Len() == 0 {
		f := malformed("there is no body", nil)
		return &f
	}
	err := x.asked.model.Read(x.buffer.Bytes(), x.parsed)
	x.Message = x.parsed
	x.takeIDs()
	if err == nil {
		return nil
	}
	f := malformed("the body does not keep the contract", nil)
	var violations *wire.Violations
	if errors.As(err, &violations) {
		f.wrong = violations.List
	} else {
		x.Message, f.text = nil, "the body is not JSON: "+err.Error()
	}
	return &f
}

func (x *Exchange) takeIDs() {
	x.id, _ = x.parsed.Text(x.server.slots.id)
	x.requestID, _ = x.parsed.Text(x.server.slots.requestID)
}

// checkPath asks that path and body name the same message (V4), and the same request (V5), where the path names any.
func (x *Exchange) checkPath() *failure {
	switch {
	case x.target.id != "" && x.id != x.target.id:
		return mismatch("the id of the path is not that of the body", x.target.id)
	case x.target.requestID != "" && x.requestID != x.target.requestID:
		return mismatch("the request of the path is not that of the body", x.target.requestID)
	}
	return nil
}

func mismatch(text, pathID string) *failure {
	f := malformed(text, nil)
	f.pathID = pathID
	return &f
}

// findID looks in the body for the ids of a message that goes no further, when its path has none (rule C13).
func (x *Exchange) findID(body io.Reader) {
	if x.target.id != "" || body == nil || x.takeIn(body, MaxBody) != nil {
		return
	}
	_ = x.server.advice.Read(x.buffer.Bytes(), x.parsed) // whatever else is wrong with it
	x.takeIDs()
}

// maxParameter bounds the parameters of a query that the contract knows, in bytes.
const maxParameter = 256

const brokenQuery = "the query does not keep the contract"

// takeQuery judges the parameters of a query as the body that they might have been. It ignores unknown ones.
func (x *Exchange) takeQuery(r *http.Request) *failure {
	x.read, x.query = true, r.URL.RawQuery
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		f := malformed("the query cannot be read", nil)
		return &f
	}
	if wrong := x.unfit(values); wrong != nil {
		f := malformed(brokenQuery, ofQuery(wrong))
		return &f
	}
	x.writeQuery(values)
	f := x.judge()
	x.id, x.requestID = "", "" // a query has none
	if f == nil {
		return nil
	}
	f.text = brokenQuery
	f.wrong = ofQuery(f.wrong)
	return f
}

// unfit says which of the parameters are there twice or are too long to look at, and takes out those that are unknown.
func (x *Exchange) unfit(values url.Values) (wrong []wire.Violation) {
	for _, name := range slices.Sorted(maps.Keys(values)) {
		all := values[name]
		switch {
		case !x.asked.model.Has(name):
			delete(values, name)
		case len(all) > 1:
			wrong = append(wrong, wire.Violation{Field: name, Msg: name + " must be there once"})
		case len(all[0]) > maxParameter:
			wrong = append(wrong, wire.Violation{Field: name, Msg: name + " must have at most " + strconv.Itoa(maxParameter) + " bytes"})
		}
	}
	return wrong
}

// writeQuery writes the parameters as a JSON object into the buffer, by name. One that is empty is absent.
func (x *Exchange) writeQuery(values url.Values) {
	w := Writer{b: x.buffer.AvailableBuffer()}
	w.Open("")
	for _, name := range slices.Sorted(maps.Keys(values)) {
		value := values.Get(name)
		if number, blank := strings.CutPrefix(value, " "); blank && slices.Contains(x.asked.Numbers, name) {
			value = "+" + number
		}
		if value != "" {
			w.quoted(name)
			w.b = appendText(w.b, value)
		}
	}
	w.Close()
	x.buffer.Write(w.b)
}

// ofQuery words what is wrong with parameters (docs/rules.md 1.3).
func ofQuery(wrong []wire.Violation) []wire.Violation {
	worded := make([]wire.Violation, 0, len(wrong))
	for _, v := range wrong {
		v.Msg = "query param " + v.Msg
		worded = append(worded, v)
	}
	return worded
}
