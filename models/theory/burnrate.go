package theory

import "time"

// BurnRate is an alert that fires while the share of errors over Window is at least Burn times
// what the objective allows (The Site Reliability Workbook, chapter 5). Errors are
// taken to begin at full strength and to come at a constant rate.
type BurnRate struct {
	Objective float64 // such as 0.999
	Burn      float64 // 1 would use up the error budget exactly by the end of its period
	Window    time.Duration
	Short     time.Duration // if not zero, the share of errors over this window must be as high too
}

// Detect returns how long errors of the given share of calls last before the alert fires, or false
// if it never does.
func (b BurnRate) Detect(errors float64) (time.Duration, bool) {
	if errors < b.threshold()*(1-1e-12) { // 1-0.999 is a little more than 0.001
		return 0, false
	}
	return b.share(max(b.Window, b.Short), b.threshold()/errors), true
}

// Reset returns how long the alert keeps firing after errors of the given share, which made it fire,
// have ended.
func (b BurnRate) Reset(errors float64) time.Duration {
	window := b.Window
	if b.Short > 0 {
		window = min(window, b.Short)
	}
	return b.share(window, 1-b.threshold()/errors)
}

// Spent returns the share of the error budget of a period that is gone when the alert fires.
func (b BurnRate) Spent(period time.Duration) float64 {
	return b.Burn * b.Window.Seconds() / period.Seconds()
}

// threshold returns the share of errors at which the alert fires.
func (b BurnRate) threshold() float64 { return b.Burn * (1 - b.Objective) }

func (b BurnRate) share(d time.Duration, of float64) time.Duration {
	return time.Duration(of*float64(d) + 0.5)
}
