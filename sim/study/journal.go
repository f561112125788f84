package study

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
)

// JournalFormat is the version of the journal's form.
const JournalFormat = 1

// A Header is the first line of a journal: what its rows come from.
type Header struct {
	Journal  int    `json:"journal"`  // JournalFormat
	Version  string `json:"version"`  // of nines
	Scenario string `json:"scenario"` // hash of the scenario
	Command  string `json:"command"`  // that began the journal; it does not have to be the same to go on
}

// ErrOtherStudy says that a journal belongs to another scenario or version.
var ErrOtherStudy = errors.New("the journal belongs to another study")

// ErrConflict says that one case has two different results.
var ErrConflict = errors.New("one case, two results: the run is not deterministic, or the journal was edited")

// A Journal keeps the rows of finished runs in a file, one JSON object a line after the header, so that
// a study that was killed goes on where it was. Each row is written by a single write when its run has
// ended, and is forced to disk with the others of every SyncEvery. A Journal belongs to one process at a
// time. A nil Journal keeps nothing.
type Journal struct {
	file     *os.File
	end      int64 // of the last whole line
	rows     []Row
	index    map[string]int // of the row of a case, by Case.Key
	unsynced int            // rows written since the last sync
	err      error          // of the first write that failed: nothing is written after it
}

// SyncEvery is how many finished rows may wait until they are forced to disk. A killed process loses
// none of them; a machine that loses power may.
const SyncEvery = 16

// OpenJournal opens a journal to go on with it, or begins one. The file must begin with an equal
// header, except for the command, or be empty. A last line that was torn when its writer was killed is
// cut off.
func OpenJournal(path string, h Header) (*Journal, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, err
	}
	h.Journal = JournalFormat
	j := &Journal{file: f, index: map[string]int{}}
	if err := j.load(path, h); err != nil {
		f.Close()
		return nil, err
	}
	return j, nil
}

// load reads what the file holds, cuts off a torn end, and writes the header of a new file.
func (j *Journal) load(path string, want Header) error {
	have, rows, end, err := readJournal(path, j.file)
	if err != nil {
		return err
	}
	switch {
	case end == 0: // new, or torn before the header was whole
	case have.Scenario != want.Scenario:
		return fmt.Errorf("%s: %w: its scenario is %s, this one is %s; give another folder, or run the scenario it was begun with",
			path, ErrOtherStudy, have.Scenario, want.Scenario)
	case have.Version != want.Version:
		return fmt.Errorf("%s: %w: it was written by version %s, this is %s", path, ErrOtherStudy, have.Version, want.Version)
	}
	for _, r := range rows {
		if err := j.remember(r); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	if err := j.file.Truncate(end); err != nil {
		return err
	}
	if j.end = end; end == 0 {
		return j.write(want)
	}
	return nil
}

// remember keeps a row in memory. A row that is there already must be equal.
func (j *Journal) remember(r Row) error {
	key := r.Key()
	if i, ok := j.index[key]; ok {
		return j.rows[i].conflict(r)
	}
	j.index[key] = len(j.rows)
	j.rows = append(j.rows, r)
	return nil
}

// conflict compares two rows of one case.
func (r Row) conflict(other Row) error {
	if r.Offset != other.Offset || r.Weight != other.Weight || !slices.Equal(r.U, other.U) {
		return fmt.Errorf("%w: %s was run with other quantiles or another offset", ErrOtherStudy, r.Case)
	}
	if r.Digest != other.Digest || r.Events != other.Events || r.Length != other.Length ||
		!slices.EqualFunc(r.Objectives, other.Objectives, Count.equal) || !maps.Equal(r.Metrics, other.Metrics) {
		return fmt.Errorf("%w: %s, digests %v and %v", ErrConflict, r.Case, r.Digest, other.Digest)
	}
	return nil
}

// Get returns the row of a case, if its run has ended already. The error says that the journal's run
// was not quite the same case.
func (j *Journal) Get(c Case) (Row, bool, error) {
	if j == nil {
		return Row{}, false, nil
	}
	i, ok := j.index[c.Key()]
	if !ok {
		return Row{}, false, nil
	}
	r := j.rows[i]
	return r, true, r.conflict(Row{c, r.Measurement})
}

// Rows returns all rows in the order in which they were written.
func (j *Journal) Rows() []Row { return j.rows }

// Append writes a row. When that fails, for instance because the disk is full, what was written of the
// line is taken back, so that the file still holds every row before it, and every further Append fails.
func (j *Journal) Append(r Row) error {
	if j == nil {
		return nil
	}
	if _, ok := j.index[r.Key()]; !ok {
		if err := j.write(r); err != nil {
			return err
		}
	}
	return j.remember(r)
}

func (j *Journal) write(v any) error {
	if j.err != nil {
		return j.err
	}
	line, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("study: journal: %w", err)
	}
	n, err := j.file.WriteAt(append(line, '\n'), j.end)
	if err == nil {
		j.end += int64(n)
		if j.unsynced++; j.unsynced == SyncEvery {
			j.unsynced = 0
			err = j.file.Sync()
		}
	} else {
		err = errors.Join(err, j.file.Truncate(j.end)) // n is no help: it may leave out what was written
	}
	if err != nil {
		j.err = fmt.Errorf("cannot write the journal (%d finished runs are kept in it): %w", len(j.rows), err)
	}
	return j.err
}

// Close forces what was written to disk and closes the file.
func (j *Journal) Close() error {
	return errors.Join(j.file.Sync(), j.file.Close())
}

// ReadJournal reads a journal for looking at it: a torn last line is ignored.
func ReadJournal(path string) (Header, []Row, error) {
	f, err := os.Open(path)
	if err != nil {
		return Header{}, nil, err
	}
	defer f.Close()
	h, rows, end, err := readJournal(path, f)
	if err == nil && end == 0 {
		err = fmt.Errorf("%s: empty, need a journal", path)
	}
	return h, rows, err
}

// readJournal returns the header, the rows and where the last whole line ends.
func readJournal(path string, r io.Reader) (h Header, rows []Row, end int64, err error) {
	in := bufio.NewReader(r)
	for line := 1; ; line++ {
		text, err := in.ReadBytes('\n')
		begin := []byte(`{"journal":`)
		if n := min(len(begin), len(text)); line == 1 && !bytes.Equal(text[:n], begin[:n]) {
			return h, nil, 0, fmt.Errorf("%s:1: not a journal, which begins with %s%d", path, begin, JournalFormat)
		}
		if err == io.EOF {
			return h, rows, end, nil // whatever is in text was torn
		}
		if err != nil {
			return h, nil, 0, err
		}
		if line == 1 {
			if err := json.Unmarshal(text, &h); err != nil {
				return h, nil, 0, fmt.Errorf("%s:1: damaged header: %w", path, err)
			}
			if h.Journal != JournalFormat {
				return h, nil, 0, fmt.Errorf("%s:1: journal format %d, need %d", path, h.Journal, JournalFormat)
			}
		} else {
			var row Row
			d := json.NewDecoder(bytes.NewReader(text))
			d.DisallowUnknownFields()
			if err := d.Decode(&row); err != nil {
				return h, nil, 0, fmt.Errorf("%s:%d: damaged row: %w", path, line, err)
			}
			rows = append(rows, row)
		}
		end += int64(len(text))
	}
}
