package main

import (
	"fmt"
	"math"

	"github.com/anishathalye/porcupine"
)

// record is an operation as a client saw it.
type record struct {
	Number  int    `json:"n"`
	Client  int    `json:"c"`
	Key     int    `json:"k"`
	Kind    string `json:"o"`
	Node    int    `json:"a"`
	Expect  *int   `json:"e"`
	Invoked int64  `json:"i"`
	Told    *int64 `json:"r"`
	Outcome string `json:"s"`
	Version *int   `json:"w"`
	Value   *int   `json:"v"`
	Status  int    `json:"h"`
	Code    string `json:"x"`
}

func (r record) check() error {
	if r.Kind != "put" && r.Kind != "delete" && r.Kind != "get" {
		return fmt.Errorf("unknown kind %q", r.Kind)
	}
	if r.Outcome != "ok" && r.Outcome != "fail" && r.Outcome != "unknown" {
		return fmt.Errorf("unknown outcome %q", r.Outcome)
	}
	if r.Outcome != "unknown" && (r.Told == nil || *r.Told < r.Invoked) {
		return fmt.Errorf("operation %d has an outcome and no later time of it", r.Number)
	}
	if r.Outcome == "ok" && (r.Version == nil || r.Kind == "get" && *r.Version > 0 && r.Value == nil) {
		return fmt.Errorf("operation %d succeeded and tells no version", r.Number)
	}
	return nil
}

// operation gives what the model sees. A read without an answer and a write refused for reasons that have
// nothing to do with the record say nothing; a write whose outcome is unknown may come at any time, or never.
func (r record) operation() (porcupine.Operation, bool) {
	isRead := r.Kind == "get"
	isTelling := r.Outcome == "ok" || !isRead && (r.Outcome == "unknown" || r.Version != nil)
	end := int64(math.MaxInt64)
	if r.Outcome != "unknown" && r.Told != nil {
		end = *r.Told
	}
	return porcupine.Operation{
		ClientId: r.Client, Input: r, Output: r, Call: r.Invoked, Return: end, Metadata: r,
	}, isTelling
}

func (r record) String() string {
	text := fmt.Sprintf("#%d client %d node %d %s", r.Number, r.Client, r.Node, r.Kind)
	if r.Expect != nil {
		text += fmt.Sprintf(" expecting version %d", *r.Expect)
	}
	text += fmt.Sprintf(": %s", r.Outcome)
	if r.Version != nil {
		text += fmt.Sprintf(", version %d", *r.Version)
	}
	if r.Value != nil {
		text += fmt.Sprintf(" of #%d", *r.Value)
	}
	if r.Told == nil || r.Outcome == "unknown" {
		return text + fmt.Sprintf(" [%.6f s, ?]", float64(r.Invoked)/1e6)
	}
	return text + fmt.Sprintf(" [%.6f s, %.6f s]", float64(r.Invoked)/1e6, float64(*r.Told)/1e6)
}

// held is a record as it is at one moment.
type held struct {
	number  int // of the newest version, which a deletion keeps
	value   int // the number of the operation that wrote it
	isThere bool
}

// version is what conditions are compared with: 0 if there is none.
func (h held) version() int {
	if !h.isThere {
		return 0
	}
	return h.number
}

func (h held) String() string {
	if !h.isThere {
		return fmt.Sprintf("no record (newest version %d)", h.number)
	}
	return fmt.Sprintf("version %d of #%d", h.number, h.value)
}

var model = porcupine.Model{
	Init:  func() interface{} { return held{} },
	Step:  func(state, input, _ interface{}) (bool, interface{}) { return step(state.(held), input.(record)) },
	Equal: func(a, b interface{}) bool { return a.(held) == b.(held) },
}

// step says whether an operation may have had its answer in this state, and the state after it.
func step(now held, r record) (bool, held) {
	if r.Kind == "get" {
		return *r.Version == now.version() && (!now.isThere || *r.Value == now.value), now
	}
	after, isPossible := now, r.Expect == nil || *r.Expect == now.version()
	if r.Kind == "put" {
		after = held{now.number + 1, r.Number, true}
	} else {
		isPossible = isPossible && now.isThere
		after.isThere = false
	}
	switch r.Outcome {
	case "ok":
		return isPossible && *r.Version == after.number, after
	case "fail":
		return !isPossible && *r.Version == now.version(), now
	default:
		if isPossible {
			return true, after
		}
		return true, now
	}
}
