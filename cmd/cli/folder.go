package cli

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/nines-sim/nines/models/scenario"
	"github.com/nines-sim/nines/sim/study"
)

// The files in the folder of a sweep. Together they say all that is needed to draw it, to go on with it
// and to do one of its rows again, whatever becomes of the scenario's own file.
const (
	journalFile  = "runs.ndjson"   // a header, then a row for each run that has ended
	planFile     = "sweep.json"    // what the sweep does
	scenarioFile = "scenario.yaml" // the scenario as it was
)

// folder is where a sweep's journal goes if nobody says otherwise. Another scenario, or other values,
// have another one.
func (s sweepPlan) folder(a *app) string {
	s.Runs, s.FirstSeed = 0, 0 // more runs go on with the same journal
	h := sha256.New()
	if err := json.NewEncoder(h).Encode(s); err != nil {
		panic("cli: " + err.Error()) // texts and numbers
	}
	return filepath.Join("nines-out", fmt.Sprintf("%s-%x", s.Scenario, h.Sum(nil)[:4]))
}

// openSweep opens the journal of a sweep: a new one, or with resume the one that is there.
func (a *app) openSweep(dir string, src *source, s sweepPlan, command string, resume bool) (*study.Journal, error) {
	path := filepath.Join(dir, journalFile)
	if _, err := os.Stat(path); err == nil && !resume {
		_, rows, err := study.ReadJournal(path)
		if err != nil {
			return nil, asUsage(err)
		}
		return nil, usage("%s holds a journal of %s already; --resume goes on with it, --out-dir begins another one", dir, count(len(rows), "run"))
	} else if errors.Is(err, fs.ErrNotExist) && resume {
		a.say("%s holds no journal yet; a new one is begun", dir)
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, err
	}
	journal, err := study.OpenJournal(path, study.Header{Version: buildVersion(), Scenario: a.hash(s.from(src)), Command: command})
	if err != nil {
		return nil, err
	}
	var plan bytes.Buffer
	e := json.NewEncoder(&plan)
	e.SetIndent("", "  ")
	if err := e.Encode(s); err != nil {
		return nil, err
	}
	err = errors.Join(os.WriteFile(filepath.Join(dir, planFile), plan.Bytes(), 0o666),
		os.WriteFile(filepath.Join(dir, scenarioFile), src.text, 0o666))
	if err != nil {
		return nil, errors.Join(err, journal.Close())
	}
	return journal, nil
}

// A result is a sweep that was done, as its folder keeps it.
type result struct {
	dir    string
	header study.Header
	rows   []study.Row
	plan   sweepPlan
	src    *source
}

// readResult reads a folder, or the journal in it.
func (a *app) readResult(path string) (*result, error) {
	if filepath.Base(path) == journalFile {
		path = filepath.Dir(path)
	}
	r := &result{dir: path}
	var err error
	if r.header, r.rows, err = study.ReadJournal(filepath.Join(path, journalFile)); errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return nil, usage("%s is no folder of a sweep: there is no %s in it", path, journalFile)
	} else if err != nil {
		return nil, asUsage(err)
	}
	data, err := os.ReadFile(filepath.Join(path, planFile))
	if err != nil {
		return nil, asUsage(err)
	}
	if err := json.Unmarshal(data, &r.plan); err != nil {
		return nil, usage("%s: %w", filepath.Join(path, planFile), err)
	}
	at := filepath.Join(path, scenarioFile)
	text, err := os.ReadFile(at)
	if err != nil {
		return nil, asUsage(err)
	}
	file, err := scenario.Parse(at, text, a.families())
	if err != nil {
		return nil, err
	}
	r.src = &source{r.plan.Scenario, text, file}
	sc, err := file.Variant(r.plan.Variant)
	if err != nil {
		return nil, err
	}
	if hash := a.hash(sc); hash != r.header.Scenario {
		return nil, usage("%s: its hash is %s, and the journal was made with %s: it was changed, or this program reads it otherwise", at, hash, r.header.Scenario)
	}
	return r, nil
}

// row splits FILE:ROW and returns the row, counted from 1.
func (a *app) row(arg string) (*result, study.Row, error) {
	file, number, ok := cutLast(arg, ":")
	n, err := strconv.Atoi(number)
	if !ok || err != nil {
		return nil, study.Row{}, usage("%s: need FILE:ROW, such as nines-out/storm/%s:12", arg, journalFile)
	}
	r, err := a.readResult(file)
	if err != nil {
		return nil, study.Row{}, err
	}
	if n < 1 || n > len(r.rows) {
		return nil, study.Row{}, usage("%s has the rows 1 to %d; there is no row %d", file, len(r.rows), n)
	}
	return r, r.rows[n-1], nil
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}
