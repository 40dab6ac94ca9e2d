package main

import (
	"fmt"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"
)

// Figures are those of one measurement; the names are those of `weft bench --json`.
type Figures struct {
	Transactions int     `json:"transactions"`
	Seconds      float64 `json:"seconds"`
	PerSecond    float64 `json:"per_second"`
	P50          float64 `json:"p50_ms"`
	P95          float64 `json:"p95_ms"`
	P99          float64 `json:"p99_ms"`
	Max          float64 `json:"max_ms"`
	Refused      int     `json:"refused"`
	LoadCPU      float64 `json:"load_cpu_s"`
}

// tally collects the latency of every record, and the first error.
type tally struct {
	sync.Mutex
	taken   []float64
	refused int
	first   error
}

func (t *tally) note(begun time.Time, count int, err error) {
	taken := float64(time.Since(begun).Nanoseconds()) / 1e6
	t.Lock()
	defer t.Unlock()
	if err != nil {
		t.refused += count
		if t.first == nil {
			t.first = err
		}
		return
	}
	for range count {
		t.taken = append(t.taken, taken)
	}
}

func measure(plan Plan, target Target) (Figures, error) {
	notes := &tally{}
	cpu, begun := cpuSeconds(), time.Now()
	if plan.Rate == 0 {
		saturate(plan, target, notes)
	} else {
		pace(plan, target, notes)
	}
	seconds, cpu := time.Since(begun).Seconds(), cpuSeconds()-cpu
	if len(notes.taken) == 0 {
		return Figures{}, fmt.Errorf("nothing was answered; first error: %w", notes.first)
	}
	if notes.first != nil {
		fmt.Fprintf(os.Stderr, "%d refused; the first: %v\n", notes.refused, notes.first)
	}
	slices.Sort(notes.taken)
	at := func(share float64) float64 {
		return notes.taken[min(int(float64(len(notes.taken))*share), len(notes.taken)-1)]
	}
	count := len(notes.taken)
	return Figures{
		count, seconds, float64(count) / seconds, at(0.5), at(0.95), at(0.99), at(1), notes.refused, cpu,
	}, nil
}

// saturate keeps so many records in flight; each lane sends the next as soon as the last is answered.
func saturate(plan Plan, target Target, notes *tally) {
	end := time.Now().Add(time.Duration(plan.Seconds * 1e9))
	lanes := max(1, plan.InFlight/plan.Batch)
	var all sync.WaitGroup
	for lane := range lanes {
		all.Add(1)
		go func() {
			defer all.Done()
			for turn := 0; time.Now().Before(end); turn++ {
				begun := time.Now()
				first := (turn*lanes + lane) * plan.Batch
				notes.note(begun, plan.Batch, target.Put(lane, first, plan.Batch))
			}
		}()
	}
	all.Wait()
}

// pace sends one by one at a steady rate, on time whether or not earlier ones were answered.
func pace(plan Plan, target Target, notes *tally) {
	begin := time.Now()
	var all sync.WaitGroup
	for place := range int(float64(plan.Rate) * plan.Seconds) {
		due := begin.Add(time.Duration(float64(place) / float64(plan.Rate) * 1e9))
		time.Sleep(time.Until(due))
		all.Add(1)
		go func() {
			defer all.Done()
			notes.note(due, 1, target.Put(place, place, 1))
		}()
	}
	all.Wait()
}

func cpuSeconds() float64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return float64(usage.Utime.Nano()+usage.Stime.Nano()) / 1e9
}
