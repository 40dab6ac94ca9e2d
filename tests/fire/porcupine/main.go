// Command porcupine judges a history of records: whether one order of all operations, each between its
// invocation and its response, explains every answer. The search is Porcupine's; the model is below.
//
// Input: one JSON object a line (tests/fire/history.py). Exit code 0: linearizable; 1: not, and the key and a
// short counterexample are printed; 2: unusable input; 3: some key took longer than -seconds.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"sort"
	"time"

	"github.com/anishathalye/porcupine"
)

const linesShown = 6

func main() {
	seconds := flag.Int("seconds", 60, "the longest time for one key")
	flag.Parse()
	keys, count, err := read(os.Stdin)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	os.Exit(judge(keys, count, time.Duration(*seconds)*time.Second))
}

// read gives the operations that say something, by key.
func read(source io.Reader) (map[int][]porcupine.Operation, int, error) {
	keys := map[int][]porcupine.Operation{}
	scanner := bufio.NewScanner(source)
	scanner.Buffer(make([]byte, 1<<20), 1<<20)
	count := 0
	for line := 1; scanner.Scan(); line++ {
		decoder := json.NewDecoder(bytes.NewReader(scanner.Bytes()))
		decoder.DisallowUnknownFields()
		var told record
		if err := decoder.Decode(&told); err != nil {
			return nil, 0, fmt.Errorf("line %d: %w", line, err)
		}
		if err := told.check(); err != nil {
			return nil, 0, fmt.Errorf("line %d: %w", line, err)
		}
		if operation, isTelling := told.operation(); isTelling {
			keys[told.Key] = append(keys[told.Key], operation)
			count++
		}
	}
	return keys, count, scanner.Err()
}

// judge tells what was found; the exit code.
func judge(keys map[int][]porcupine.Operation, count int, limit time.Duration) int {
	numbers := make([]int, 0, len(keys))
	for key := range keys {
		numbers = append(numbers, key)
	}
	sort.Ints(numbers)
	code := 0
	for _, key := range numbers {
		switch porcupine.CheckOperationsTimeout(model, keys[key], limit) {
		case porcupine.Illegal:
			fmt.Printf("key %d is not linearizable\n%s", key, explain(keys[key], limit))
			return 1
		case porcupine.Unknown:
			fmt.Printf("key %d: %d operations took longer than %s\n", key, len(keys[key]), limit)
			code = 3
		}
	}
	if code == 0 {
		fmt.Printf("linearizable: %d operations on %d keys\n", count, len(keys))
	}
	return code
}

// explain gives the end of the longest order that was found, and what cannot come after it.
func explain(history []porcupine.Operation, limit time.Duration) string {
	_, info := porcupine.CheckOperationsVerbose(model, history, limit)
	var longest []porcupine.Operation
	for _, orders := range info.PartialLinearizationsOperations() {
		for _, order := range orders {
			if len(order) > len(longest) {
				longest = order
			}
		}
	}
	placed := map[int]bool{}
	state := model.Init()
	for _, operation := range longest {
		placed[operation.Metadata.(record).Number] = true
		_, state = model.Step(state, operation.Input, operation.Output)
	}
	var rest []porcupine.Operation
	for _, operation := range history {
		if !placed[operation.Metadata.(record).Number] {
			rest = append(rest, operation)
		}
	}
	sort.Slice(rest, func(a, b int) bool { return rest[a].Return < rest[b].Return })
	text := fmt.Sprintf("  %d of %d operations fit in an order, which ends\n", len(longest), len(history))
	for _, operation := range last(longest) {
		text += "    " + operation.Metadata.(record).String() + "\n"
	}
	text += fmt.Sprintf("  after it there is %s, and none of these can be next\n", state.(held))
	for _, operation := range first(rest) {
		text += "    " + operation.Metadata.(record).String() + "\n"
	}
	return text
}

func first(operations []porcupine.Operation) []porcupine.Operation {
	if len(operations) > linesShown {
		return operations[:linesShown]
	}
	return operations
}

func last(operations []porcupine.Operation) []porcupine.Operation {
	if len(operations) > linesShown {
		return operations[len(operations)-linesShown:]
	}
	return operations
}
