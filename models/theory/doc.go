// Package theory has closed forms for what simulations estimate: queues, availability, retries,
// breakers, hedging, alerts, quorums. Tests compare the simulator to them, and reports show them beside
// simulated results, where the assumptions hold. They seldom hold in full, which is why one simulates.
//
// Rates are per unit of time and lengths are in that same unit, whichever it is. Lambda is the rate
// of arrivals or failures and Mu that of service or repair, as in the literature. A system that cannot keep up has
// infinite means. Nothing here checks its input: parameters without a meaning give numbers without one.
//
// The package is for analysis: its last digits may differ between processors, so no run uses it.
package theory
