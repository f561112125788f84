// Package dist has the probability distributions that simulations draw from: how long work takes,
// when the next request arrives, how often a machine fails.
//
// The same seed gives the same bits on every processor that Go supports. The standard library does
// not promise that: math.Log, math.Exp and the like differ in their last bits between processors,
// and a compiler may fuse x*y + z into one rounding where the hardware can. So this package has
// elementary functions of its own ([Log], [Exp], [Pow], ...), which other simulation code should use
// too, and it rounds every product before anything is added to it: float64(x*y) + z. A golden test
// holds the bits; another test holds the source to the rule.
//
// The rules of the package:
//
//   - Numbers are plain float64. Lengths of time are in seconds until [Duration] makes a
//     [time.Duration] of them.
//   - A distribution is an immutable value, made by a constructor that checks its arguments. NewGamma
//     takes the textbook's parameters; GammaFromMeanCV and the like take what people know. Wrap a call
//     in [Must] where a bad argument would be a mistake in code.
//   - Where the quantile function is cheap, a sample is the quantile of one uniform number. Hence
//     the same stream gives a slower variant of a system the same luck, only longer.
//   - A sample allocates nothing and depends on nothing but the stream.
//   - Mean and Variance are +Inf where they diverge and NaN where they are not defined or not known;
//     Quantile is NaN where it is not known, and panics outside 0 to 1.
package dist
