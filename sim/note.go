package sim

// A Note is something rare that the model says happened: a fault, a change of a breaker, an alert.
// Every note is part of the digest.
type Note struct {
	At      Time
	Seq     uint64 // position among the notes of the run
	Kind    string // "fault", "breaker", "alert"
	Subject string // whom it is about
	Detail  string
	Values  []int64
}

// Note says that something happened now.
func (s *Simulation) Note(kind, subject, detail string, values ...int64) {
	if s.silent() {
		return
	}
	s.notes++
	s.digest.text(kind)
	s.digest.text(subject)
	s.digest.text(detail)
	for _, v := range values {
		s.digest.value(uint64(v))
	}
	for _, f := range s.onNote {
		f(Note{s.now, s.notes, kind, subject, detail, values})
	}
}

// OnNote calls f at every note from now on. f must not change the run.
func (s *Simulation) OnNote(f func(Note)) { s.onNote = append(s.onNote, f) }
