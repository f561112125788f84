package report

import "image/color"

// Calm is the cause of the bad minutes that come without any incident. It has a colour
// of its own, grey, whatever its place among the causes.
const Calm = "calm"

// The colours of Okabe and Ito ("Color Universal Design", 2008), which people with any
// of the usual forms of colour blindness can tell apart, in an order in which
// neighbours differ in lightness too. Yellow comes last: it is weak on white.
var okabeIto = [...]color.RGBA{
	{0, 114, 178, 255},   // blue
	{230, 159, 0, 255},   // orange
	{0, 158, 115, 255},   // bluish green
	{213, 94, 0, 255},    // vermilion
	{86, 180, 233, 255},  // sky blue
	{204, 121, 167, 255}, // reddish purple
	{240, 228, 66, 255},  // yellow
}

var (
	black  = color.RGBA{25, 25, 25, 255}
	soft   = color.RGBA{90, 90, 90, 255}    // axes and secondary text
	faint  = color.RGBA{225, 225, 225, 255} // grid
	hair   = color.RGBA{240, 240, 240, 255} // between rows
	white  = color.RGBA{255, 255, 255, 255}
	calm   = color.RGBA{150, 150, 150, 255}
	meets  = color.NRGBA{236, 244, 238, 255} // where the target is met
	nought = color.NRGBA{240, 240, 240, 255} // an empty bar
)

// causeColours returns a colour for each of the scenario's causes. It depends on their
// order alone, so a cause looks the same in every chart of a scenario. After seven
// causes the colours come again, lighter.
func causeColours(causes []string) []color.RGBA {
	colours := make([]color.RGBA, len(causes))
	next := 0
	for i, name := range causes {
		if name == Calm {
			colours[i] = calm
			continue
		}
		c := okabeIto[next%len(okabeIto)]
		for range next / len(okabeIto) {
			c = lighter(c)
		}
		colours[i] = c
		next++
	}
	return colours
}

// lighter is half way to white.
func lighter(c color.RGBA) color.RGBA {
	return color.RGBA{c.R/2 + 128, c.G/2 + 128, c.B/2 + 128, 255}
}

// ink returns the colour of a text that can be read on c: black or white, by c's
// relative luminance (Rec. 709 weights).
func ink(c color.RGBA) color.RGBA {
	if 2126*int(c.R)+7152*int(c.G)+722*int(c.B) > 10000*140 {
		return black
	}
	return white
}

func solid(c color.RGBA) color.NRGBA { return color.NRGBA{c.R, c.G, c.B, 255} }

func translucent(c color.RGBA, alpha uint8) color.NRGBA { return color.NRGBA{c.R, c.G, c.B, alpha} }
