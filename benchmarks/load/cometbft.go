package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// cometbft takes records by broadcast_tx_sync over a websocket to each endpoint. A record is answered when
// the first endpoint announces the header of the block that holds it: executed by the application, and stored.
type cometbft struct {
	records
	wires []*wire
	first string

	mutex   sync.Mutex
	waiting map[int]chan error
}

type wire struct {
	sync.Mutex
	*websocket.Conn
}

type answer struct {
	ID     int             `json:"id"`
	Error  json.RawMessage `json:"error"`
	Result struct {
		Code int    `json:"code"`
		Log  string `json:"log"`
		Data struct {
			Value struct {
				Header struct {
					Height string `json:"height"`
				} `json:"header"`
			} `json:"value"`
		} `json:"data"`
	} `json:"result"`
}

func openCometBFT(plan Plan) (*cometbft, error) {
	found := &cometbft{
		records: newRecords(plan.SizeBytes),
		first:   plan.Endpoints[0],
		waiting: map[int]chan error{},
	}
	for _, endpoint := range plan.Endpoints {
		opened, err := dial(endpoint)
		if err != nil {
			return nil, err
		}
		found.wires = append(found.wires, opened)
		go found.hear(opened)
	}
	return found, found.follow()
}

func dial(endpoint string) (*wire, error) {
	connection, _, err := websocket.DefaultDialer.Dial("ws://"+endpoint+"/websocket", nil)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", endpoint, err)
	}
	return &wire{Conn: connection}, nil
}

func (c *cometbft) Put(lane, first, _ int) error {
	done := make(chan error, 1)
	c.mutex.Lock()
	c.waiting[first] = done
	c.mutex.Unlock()
	tx := base64.StdEncoding.EncodeToString([]byte(c.key(first) + "=" + c.value(first)))
	request := fmt.Sprintf(
		`{"jsonrpc":"2.0","id":%d,"method":"broadcast_tx_sync","params":{"tx":"%s"}}`, first, tx,
	)
	to := c.wires[lane%len(c.wires)]
	to.Lock()
	err := to.WriteMessage(websocket.TextMessage, []byte(request))
	to.Unlock()
	if err != nil {
		return err
	}
	select {
	case err := <-done:
		return err
	case <-time.After(answerTimeout):
		return fmt.Errorf("record %d was in no block after %s", first, answerTimeout)
	}
}

func (c *cometbft) Close() {
	for _, one := range c.wires {
		one.Conn.Close()
	}
}

// hear notes what was refused; what was taken is answered by its block.
func (c *cometbft) hear(from *wire) {
	for {
		_, raw, err := from.ReadMessage()
		if err != nil {
			return
		}
		var said answer
		if err := json.Unmarshal(raw, &said); err != nil {
			continue
		}
		if said.Error != nil || said.Result.Code != 0 {
			c.finish(said.ID, fmt.Errorf("refused: %s %s", said.Error, said.Result.Log))
		}
	}
}

// follow fetches every block that is announced from now on.
func (c *cometbft) follow() error {
	news, err := dial(c.first)
	if err != nil {
		return err
	}
	const subscribe = `{"jsonrpc":"2.0","id":1,"method":"subscribe","params":{"query":"tm.event='NewBlockHeader'"}}`
	if err := news.WriteMessage(websocket.TextMessage, []byte(subscribe)); err != nil {
		return err
	}
	if _, _, err := news.ReadMessage(); err != nil {
		return fmt.Errorf("subscription: %w", err)
	}
	go func() {
		for next := 0; ; {
			_, raw, err := news.ReadMessage()
			if err != nil {
				return
			}
			var said answer
			if err := json.Unmarshal(raw, &said); err != nil {
				continue
			}
			height, err := strconv.Atoi(said.Result.Data.Value.Header.Height)
			if err != nil {
				continue
			}
			if next == 0 {
				next = height
			}
			for ; next <= height; next++ {
				c.settle(next)
			}
		}
	}()
	return nil
}

// settle answers every record of a block.
func (c *cometbft) settle(height int) {
	response, err := http.Get(fmt.Sprintf("http://%s/block?height=%d", c.first, height))
	if err != nil {
		return
	}
	defer response.Body.Close()
	var said struct {
		Result struct {
			Block struct {
				Data struct {
					Txs [][]byte `json:"txs"`
				} `json:"data"`
			} `json:"block"`
		} `json:"result"`
	}
	if err := json.NewDecoder(response.Body).Decode(&said); err != nil {
		return
	}
	for _, tx := range said.Result.Block.Data.Txs {
		key, _, _ := strings.Cut(string(tx), "=")
		if number, mine := c.number(key); mine {
			c.finish(number, nil)
		}
	}
}

func (c *cometbft) finish(number int, err error) {
	c.mutex.Lock()
	done := c.waiting[number]
	delete(c.waiting, number)
	c.mutex.Unlock()
	if done != nil {
		done <- err
	}
}
