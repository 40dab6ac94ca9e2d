package main

import (
	"context"
	"fmt"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

const answerTimeout = 30 * time.Second

// etcd takes records by Put, or by a Txn of many Puts, over one gRPC connection to each endpoint.
type etcd struct {
	records
	connections []*grpc.ClientConn
}

func openEtcd(plan Plan) (*etcd, error) {
	found := &etcd{records: newRecords(plan.SizeBytes)}
	for _, endpoint := range plan.Endpoints {
		connection, err := grpc.NewClient(endpoint, grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", endpoint, err)
		}
		found.connections = append(found.connections, connection)
	}
	return found, nil
}

func (e *etcd) Put(lane, first, count int) error {
	ctx, cancel := context.WithTimeout(context.Background(), answerTimeout)
	defer cancel()
	client := pb.NewKVClient(e.connections[lane%len(e.connections)])
	if count == 1 {
		_, err := client.Put(ctx, e.request(first))
		return err
	}
	puts := make([]*pb.RequestOp, count)
	for place := range puts {
		puts[place] = &pb.RequestOp{Request: &pb.RequestOp_RequestPut{RequestPut: e.request(first + place)}}
	}
	_, err := client.Txn(ctx, &pb.TxnRequest{Success: puts})
	return err
}

func (e *etcd) request(number int) *pb.PutRequest {
	return &pb.PutRequest{Key: []byte(e.key(number)), Value: []byte(e.value(number))}
}

func (e *etcd) Close() {
	for _, connection := range e.connections {
		connection.Close()
	}
}
