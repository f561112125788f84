package sim_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/nines-sim/nines/sim"
)

// A step is one thing that a process of the conservation tests does. All lengths are small whole
// numbers of seconds, so that most things meet others at one instant.
type step struct {
	Kind    string // acquire, put, take, wait, notify, broadcast, sleep
	Units   int
	Hold    int // how long the units are held
	Timeout int // of the wait; 0: none
}

// A blow is what happens to a process from outside, or to the things it waits for.
type blow struct {
	Kind   string // kill, interrupt, pause, resume, crash (of all), units
	At     int
	Late   int // how often it lets others of that instant go first
	Victim int
	Units  int
}

func drawStep(t *rapid.T) step {
	return step{
		Kind: rapid.SampledFrom([]string{
			"acquire", "acquire", "acquire", "put", "put", "take", "take", "wait", "wait", "notify", "broadcast", "sleep",
		}).Draw(t, "kind"),
		Units:   rapid.IntRange(0, 3).Draw(t, "units"),
		Hold:    rapid.IntRange(0, 2).Draw(t, "hold"),
		Timeout: rapid.SampledFrom([]int{0, 0, 1, 2}).Draw(t, "timeout"),
	}
}

func drawBlow(t *rapid.T) blow {
	return blow{
		Kind:   rapid.SampledFrom([]string{"kill", "kill", "kill", "interrupt", "interrupt", "pause", "resume", "crash", "units"}).Draw(t, "kind"),
		At:     rapid.IntRange(0, 6).Draw(t, "at"),
		Late:   rapid.IntRange(0, 3).Draw(t, "late"),
		Victim: rapid.IntRange(0, 7).Draw(t, "victim"),
		Units:  rapid.IntRange(0, 4).Draw(t, "units"),
	}
}

// TestNothingIsLostAndNothingIsGivenTwice lets processes that hold units, send messages and ring
// bells be killed, interrupted, paused and cut short, and checks that units, messages and
// notifications are conserved, whatever happens at one instant.
func TestNothingIsLostAndNothingIsGivenTwice(t *testing.T) {
	worker := sim.NewWorker()
	defer worker.Close()
	rapid.Check(t, func(t *rapid.T) {
		order := rapid.SampledFrom([]sim.Order{sim.FIFO, sim.LIFO, sim.Priority}).Draw(t, "order")
		capacity := rapid.IntRange(0, 2).Draw(t, "capacity")
		scripts := rapid.SliceOfN(rapid.SliceOfN(rapid.Custom(drawStep), 1, 5), 2, 8).Draw(t, "scripts")
		blows := rapid.SliceOfN(rapid.Custom(drawBlow), 0, 6).Draw(t, "blows")

		_, err := worker.Run(sim.Config{}, func(s *sim.Simulation) {
			cpu := sim.NewResource(s, "cpu", 2, order)
			box := sim.NewMailbox[string](s, "box", capacity)
			bell := sim.NewSignal(s, "bell")
			held, rung, woken, kills, broadcast := 0, 0, 0, 0, 0
			reading, writing := 0, 0 // processes inside Take and Put
			wanted := map[*sim.Process]int{}
			offered, sent, got := map[string]bool{}, map[string]bool{}, map[string]bool{}
			fewer := false // units were taken away

			do := func(p *sim.Process, what string, st step) {
				if st.Timeout > 0 {
					sc := p.WithTimeout(time.Duration(st.Timeout) * time.Second)
					defer sc.Close()
				}
				switch st.Kind {
				case "acquire":
					wanted[p] = st.Units
					defer delete(wanted, p)
					if cpu.Acquire(p, st.Units, st.Hold) != nil {
						return
					}
					delete(wanted, p)
					held += st.Units
					defer func() { held -= st.Units; cpu.Release(st.Units) }()
					p.Sleep(time.Duration(st.Hold) * time.Second)
				case "put":
					offered[what] = true
					writing++
					defer func() { writing-- }()
					if box.Put(p, what) == nil {
						sent[what] = true
					}
				case "take":
					reading++
					defer func() { reading-- }()
					v, err := box.Take(p)
					if err != nil {
						return
					}
					if got[v] || !offered[v] {
						s.Fail("%q was taken twice, or never sent", v)
					}
					got[v] = true
				case "wait":
					if bell.Wait(p) == nil {
						woken++
					}
				case "notify":
					if bell.Notify() {
						rung++
					}
				case "broadcast":
					broadcast += bell.Broadcast()
				case "sleep":
					p.Sleep(time.Duration(st.Hold) * time.Second)
				}
			}

			g := s.NewGroup("g")
			var processes []*sim.Process
			for i, script := range scripts {
				processes = append(processes, g.Background(fmt.Sprint(i), func(p *sim.Process) {
					for j, st := range script {
						do(p, fmt.Sprintf("%d.%d", i, j), st)
					}
				}))
			}
			var strike func(b blow)
			strike = func(b blow) {
				if b.Late--; b.Late >= 0 {
					s.After(0, func() { strike(b) })
					return
				}
				victim := processes[b.Victim%len(processes)]
				switch b.Kind {
				case "kill":
					victim.Kill()
					kills++
				case "interrupt":
					victim.Interrupt(nil)
				case "pause":
					g.Pause()
				case "resume":
					g.Resume()
				case "crash":
					g.Kill()
					kills += len(processes)
				case "units":
					cpu.SetUnits(b.Units)
					fewer = true
				}
			}
			for _, b := range blows {
				s.After(time.Duration(b.At)*time.Second, func() { strike(b) })
			}

			check := func() bool {
				if cpu.InUse() < held || !fewer && cpu.InUse() > cpu.Units() {
					s.Fail("%d of %d units are in use, %d are held", cpu.InUse(), cpu.Units(), held)
				}
				if capacity > 0 && box.Len() > capacity+kills {
					s.Fail("%d messages in a box for %d", box.Len(), capacity)
				}
				return true
			}
			s.RunWhile(check)
			g.Resume()
			s.RunWhile(check)

			if cpu.InUse() != held {
				s.Fail("%d units are in use, and %d are held, when nothing moves any more", cpu.InUse(), held)
			}
			most := 0
			for _, n := range wanted {
				most = max(most, n)
			}
			if cpu.Waiting() > 0 && cpu.InUse()+most <= cpu.Units() {
				s.Fail("%d wait for at most %d units, and %d of %d are in use", cpu.Waiting(), most, cpu.InUse(), cpu.Units())
			}
			if writing > 0 && box.Len() < capacity {
				s.Fail("%d wait for room, and %d messages are in a box for %d", writing, box.Len(), capacity)
			}
			if reading > 0 && box.Len() > 0 {
				s.Fail("%d wait for a message, and %d are there", reading, box.Len())
			}
			if n := rung + broadcast; woken > n || woken < n-kills {
				s.Fail("%d were woken by %d notifications, %d were killed", woken, n, kills)
			}
			for v, ok := box.TryTake(); ok; v, ok = box.TryTake() {
				if got[v] {
					s.Fail("%q is in the box, and was taken", v)
				}
				got[v] = true
			}
			for v := range sent {
				if !got[v] {
					s.Fail("%q was sent and is nowhere", v)
				}
			}
			g.Kill()
			if cpu.InUse() != 0 || cpu.Waiting() != 0 || bell.Waiting() != 0 {
				s.Fail("the dead hold %d units; %d and %d wait", cpu.InUse(), cpu.Waiting(), bell.Waiting())
			}
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}
