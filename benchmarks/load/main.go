// Command load is the load generator for the systems written in Go: `load PLAN`, figures as JSON on stdout.
//
// It measures what `weft bench` measures, in the same words: latency from the moment a record was sent (or
// was due) to its answer after commit, and the processor time that the generator itself took meanwhile.
package main

import (
	"encoding/json"
	"fmt"
	"os"
)

// Plan is what to send, where, and for how long. Rate 0 means: as much as is answered, InFlight at a time.
type Plan struct {
	System    string   `json:"system"`
	Endpoints []string `json:"endpoints"`
	SizeBytes int      `json:"size_bytes"`
	InFlight  int      `json:"in_flight"`
	Batch     int      `json:"batch"`
	Rate      int      `json:"rate"`
	Seconds   float64  `json:"seconds"`
}

// Target is a system that takes records.
type Target interface {
	// Put returns once the records from number first on are committed.
	Put(lane, first, count int) error
	Close()
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	if len(os.Args) != 2 {
		return fmt.Errorf("usage: load PLAN")
	}
	raw, err := os.ReadFile(os.Args[1])
	if err != nil {
		return err
	}
	var plan Plan
	if err := json.Unmarshal(raw, &plan); err != nil {
		return err
	}
	target, err := open(plan)
	if err != nil {
		return err
	}
	defer target.Close()
	figures, err := measure(plan, target)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(figures)
}

func open(plan Plan) (Target, error) {
	switch plan.System {
	case "etcd":
		return openEtcd(plan)
	case "cometbft":
		return openCometBFT(plan)
	}
	return nil, fmt.Errorf("no system %q", plan.System)
}
