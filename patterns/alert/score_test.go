package alert_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nines-sim/nines/patterns/alert"
)

func TestScore(t *testing.T) {
	span := func(from, to int) alert.Span { return alert.Span{Start: minute(from), End: minute(to)} }
	spans := func(s ...alert.Span) []alert.Span { return s }
	for _, tt := range []struct {
		name               string
		incidents, firings []alert.Span
		want               alert.Scores
	}{
		{"nothing happened", nil, nil, alert.Scores{}},
		{"a miss", spans(span(10, 20)), nil, alert.Scores{Incidents: 1}},
		{"a false alarm", nil, spans(span(10, 20)), alert.Scores{Firings: 1}},
		{"a hit", spans(span(10, 20)), spans(span(13, 25)),
			alert.Scores{Incidents: 1, Detected: 1, Delay: 3 * time.Minute, Firings: 1, True: 1}},
		{"within the grace after", spans(span(10, 20)), spans(span(25, 26)),
			alert.Scores{Incidents: 1, Detected: 1, Delay: 15 * time.Minute, Firings: 1}},
		{"later than the grace", spans(span(10, 20)), spans(span(26, 27)),
			alert.Scores{Incidents: 1, Firings: 1}},
		{"before it", spans(span(10, 20)), spans(span(5, 10)),
			alert.Scores{Incidents: 1, Firings: 1}},
		{"fires already", spans(span(10, 20)), spans(span(5, 12)),
			alert.Scores{Incidents: 1, Detected: 1, Firings: 1, True: 1}},
		{"flapping", spans(span(10, 20)), spans(span(11, 12), span(13, 14), span(15, 16)),
			alert.Scores{Incidents: 1, Detected: 1, Delay: time.Minute, Firings: 3, True: 3, Flaps: 2}},
		{"one for two", spans(span(10, 20), span(30, 40)), spans(span(12, 35)),
			alert.Scores{Incidents: 2, Detected: 2, Delay: 2 * time.Minute, Firings: 1, True: 1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, alert.Score(tt.incidents, tt.firings, 5*time.Minute)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func ExampleScore() {
	s := alert.Score(
		[]alert.Span{{Start: minute(10), End: minute(20)}, {Start: minute(50), End: minute(52)}},
		[]alert.Span{{Start: minute(11), End: minute(22)}, {Start: minute(80), End: minute(81)}},
		0)
	precision, _ := s.Precision()
	recall, _ := s.Recall()
	detect, _ := s.MeanTimeToDetect()
	fmt.Println(precision, recall, detect)
	// Output: 0.5 0.5 1m0s
}
