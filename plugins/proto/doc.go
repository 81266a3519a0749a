// Package proto is the contract between Sallyport and its condition helpers:
// the gRPC service Helper (helper.proto), the handshake that both sides must
// know, and what a valid description looks like. Its Go code is generated and
// committed, so that building needs no protoc.
//
// It is versioned as a whole. What breaks a helper that was built earlier gets a
// new number and a new service beside this one.
package proto

//go:generate protoc --proto_path=../.. --plugin=protoc-gen-go=../../bin/protoc-gen-go --plugin=protoc-gen-go-grpc=../../bin/protoc-gen-go-grpc --go_out=../.. --go_opt=paths=source_relative --go-grpc_out=../.. --go-grpc_opt=paths=source_relative plugins/proto/helper.proto
