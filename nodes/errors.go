package nodes

import (
	"github.com/nines-sim/nines/network"
	"github.com/nines-sim/nines/patterns"
)

// callErrors are the errors that callers of a service see, made once: nobody changes an error.
type callErrors struct {
	failed, expired, overloaded, refused, reset, unavailable *patterns.Error
}

func newCallErrors(service string) callErrors {
	return callErrors{
		failed:      &patterns.Error{Kind: patterns.Failed, Layer: service},
		expired:     &patterns.Error{Kind: patterns.Timeout, Layer: service},
		overloaded:  &patterns.Error{Kind: patterns.Overloaded, Layer: service},
		refused:     &patterns.Error{Kind: patterns.Refused, Layer: service},
		reset:       &patterns.Error{Kind: patterns.Reset, Layer: service, Maybe: true},
		unavailable: &patterns.Error{Kind: patterns.Unavailable, Layer: service, Maybe: true},
	}
}

// seen turns what the network says into the contract's errors, and passes on everything else.
func (e *callErrors) seen(err error) error {
	switch err {
	case network.ErrRefused:
		return e.refused
	case network.ErrReset:
		return e.reset
	case network.ErrUnreachable:
		return e.unavailable
	}
	return err
}
