package main

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

// records makes keys and values. Each key is new; a value begins with its number, so no two are equal.
type records struct {
	run    string
	filler string
}

func newRecords(sizeBytes int) records {
	random := make([]byte, sizeBytes)
	rand.Read(random)
	run := make([]byte, 4)
	rand.Read(run)
	return records{hex.EncodeToString(run), hex.EncodeToString(random)[:sizeBytes]}
}

func (r records) key(number int) string {
	return r.run + "-" + strconv.Itoa(number)
}

func (r records) value(number int) string {
	begin := fmt.Sprintf("%010d", number)
	return (begin + r.filler)[:len(r.filler)]
}

// number of a record from its key; false for a record of another run.
func (r records) number(key string) (int, bool) {
	rest, mine := strings.CutPrefix(key, r.run+"-")
	number, err := strconv.Atoi(rest)
	return number, mine && err == nil
}
