//go:build tools

package main

// CometBFT itself is built from this module, so that go.sum holds it and all that it stands on.
import _ "github.com/cometbft/cometbft/cmd/cometbft"
