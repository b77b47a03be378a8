package adminhttp

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	adminapi "github.com/scripworks/scrip/api/admin"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/decline"
)

func write(w http.ResponseWriter, status int, e adminapi.Error) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(e) // whoever does not read it has left
}

// refusals are the status and code of each sort of refusal.
var refusals = map[admin.Code]struct {
	status int
	code   adminapi.ErrorCode
}{
	admin.Invalid:   {http.StatusBadRequest, adminapi.ErrorCodeINVALID},
	admin.Forbidden: {http.StatusForbidden, adminapi.ErrorCodeFORBIDDEN},
	admin.NotFound:  {http.StatusNotFound, adminapi.ErrorCodeNOTFOUND},
	admin.Exists:    {http.StatusConflict, adminapi.ErrorCodeEXISTS},
	admin.Conflict:  {http.StatusConflict, adminapi.ErrorCodeCONFLICT},
	admin.Busy:      {http.StatusServiceUnavailable, adminapi.ErrorCodeUNAVAILABLE},
}

// told gives what an error is told as. after is when to try again, and certain says that it is no fault of ours.
func told(err error, reading bool) (status int, e adminapi.Error, after time.Duration, certain bool) {
	var refusal *admin.Refusal
	var declined *decline.Error
	var notTaken *decline.NotTaken
	switch {
	case errors.As(err, &refusal):
		as := refusals[refusal.Code]
		return as.status, adminapi.Error{Code: as.code, Message: refusal.Text, Field: refusal.Field}, 0, true
	case errors.As(err, &declined):
		return http.StatusConflict, adminapi.Error{Code: adminapi.ErrorCodeCONFLICT, Message: declined.Error(), Field: declined.Field}, 0, true
	case errors.As(err, &notTaken):
		return http.StatusServiceUnavailable, adminapi.Error{Code: adminapi.ErrorCodeUNAVAILABLE, Message: notTaken.Text}, notTaken.After, notTaken.Cause != decline.StoreDown
	case reading:
		return http.StatusServiceUnavailable, adminapi.Error{Code: adminapi.ErrorCodeUNAVAILABLE, Message: "it cannot be read now"}, 0, false
	}
	return http.StatusInternalServerError, adminapi.Error{
		Code: adminapi.ErrorCodeUNKNOWNOUTCOME, Message: "it is unknown whether this was done; look before trying again",
	}, 0, false
}

// fail answers with an error of an act.
func (s *server) fail(w http.ResponseWriter, r *http.Request, err error) {
	status, e, after, certain := told(err, r.Method == http.MethodGet)
	if !certain {
		s.log.ErrorContext(r.Context(), "an operator's call failed", "pattern", r.Pattern, "err", err)
	}
	if after > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(max(1, int(after.Seconds()))))
	}
	write(w, status, e)
}

// badRequest answers what could not be read as a call. The cause may quote what was sent, so it is not passed on.
func (s *server) badRequest(w http.ResponseWriter, _ *http.Request, err error) {
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		write(w, http.StatusRequestEntityTooLarge, adminapi.Error{Code: adminapi.ErrorCodeTOOLARGE, Message: "the body has more than " + strconv.Itoa(maxBody) + " bytes"})
		return
	}
	e := adminapi.Error{Code: adminapi.ErrorCodeINVALID, Message: "the call is not as the document says"}
	var format *adminapi.InvalidParamFormatError
	var missing *adminapi.RequiredParamError
	switch {
	case errors.As(err, &format):
		e.Field, e.Message = format.ParamName, "is not of the type that the document says"
	case errors.As(err, &missing):
		e.Field, e.Message = missing.ParamName, "must be given"
	}
	write(w, http.StatusBadRequest, e)
}

func invalid(field, text string) error {
	return &admin.Refusal{Code: admin.Invalid, Field: field, Text: text}
}
