package sdk

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	"github.com/sallyport-auth/sallyport/plugins/proto"
)

// parentPoll is how often the parent is looked for: an orphan lives no longer.
const parentPoll = 250 * time.Millisecond

// Serve offers the plugin to the Sallyport that started the program and returns
// when that asks it to end. A program that was started by somebody else, or
// whose description is not valid, says so on standard error and exits with
// status 1. SIGINT is ignored: a Ctrl-C is meant for Sallyport. SIGTERM kills the
// program's process group at once, and so does the death of Sallyport, within half
// a second.
//
// Standard output and standard error go to Sallyport's log; write lines to
// standard error. Standard input is empty.
func Serve(p Plugin) {
	parent := os.Getppid()
	if !askForSIGTERM() {
		fmt.Fprintln(os.Stderr, "what this program starts outlives a Sallyport that is killed: call Serve at the beginning of main")
	}
	server, err := NewServer(p, os.Stderr)
	if err != nil {
		fmt.Fprintf(os.Stderr, "plugin %s is not valid: %v\n", p.Name, err)
		os.Exit(1)
	}
	signal.Ignore(syscall.SIGINT)
	watching, stop := context.WithCancel(context.Background())
	defer stop()
	terminated := make(chan os.Signal, 1)
	signal.Notify(terminated, syscall.SIGTERM)
	defer signal.Stop(terminated)
	go endWithParent(watching, parent, terminated)
	plugin.Serve(&plugin.ServeConfig{
		HandshakeConfig:  proto.Handshake(),
		VersionedPlugins: map[int]plugin.PluginSet{proto.Version: {proto.Service: &service{server: server}}},
		GRPCServer: func(o []grpc.ServerOption) *grpc.Server {
			return grpc.NewServer(append(o, grpc.MaxRecvMsgSize(proto.MaxMessage), grpc.MaxSendMsgSize(proto.MaxMessage))...)
		},
		Logger: hclog.New(&hclog.LoggerOptions{Level: hclog.Warn, Output: os.Stderr}),
	})
}

// endWithParent kills the own process group as soon as the parent is another
// one than at the start, or SIGTERM tells to end, which Linux does then. Standard
// input cannot tell: it is /dev/null.
func endWithParent(ctx context.Context, parent int, terminated <-chan os.Signal) {
	for alive := true; alive && os.Getppid() == parent; {
		select {
		case <-ctx.Done():
			return
		case <-terminated:
			alive = false
		case <-time.After(parentPoll):
		}
	}
	if syscall.Getpgrp() == os.Getpid() { // else the group is somebody else's
		_ = syscall.Kill(0, syscall.SIGKILL)
	}
	os.Exit(1)
}

// service registers the Helper service with go-plugin's server.
type service struct {
	plugin.NetRPCUnsupportedPlugin
	server proto.HelperServer
}

// GRPCServer implements plugin.GRPCPlugin.
func (s *service) GRPCServer(_ *plugin.GRPCBroker, g *grpc.Server) error {
	proto.RegisterHelperServer(g, s.server)
	return nil
}

// GRPCClient implements plugin.GRPCPlugin; a helper is no client.
func (s *service) GRPCClient(context.Context, *plugin.GRPCBroker, *grpc.ClientConn) (any, error) {
	return nil, errors.New("a helper has no client side")
}

var _ plugin.GRPCPlugin = (*service)(nil)
