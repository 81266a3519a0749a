package main

import (
	"context"
	"errors"
	"os/signal"
	"syscall"

	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	"github.com/sallyport-auth/sallyport/plugins/proto"
)

// serveDeaf serves without the SDK's Serve, and ends by SIGKILL alone: it watches
// no parent, ignores all signals that it can, and goes on when it is asked to end.
func serveDeaf(server proto.HelperServer) {
	signal.Ignore(syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGQUIT)
	plugin.Serve(&plugin.ServeConfig{
		HandshakeConfig:  proto.Handshake(),
		VersionedPlugins: map[int]plugin.PluginSet{proto.Version: {proto.Service: deaf{server: server}}},
		GRPCServer:       plugin.DefaultGRPCServer,
	})
	select {}
}

type deaf struct {
	plugin.NetRPCUnsupportedPlugin
	server proto.HelperServer
}

// GRPCServer implements plugin.GRPCPlugin.
func (d deaf) GRPCServer(_ *plugin.GRPCBroker, g *grpc.Server) error {
	proto.RegisterHelperServer(g, d.server)
	return nil
}

// GRPCClient implements plugin.GRPCPlugin.
func (d deaf) GRPCClient(context.Context, *plugin.GRPCBroker, *grpc.ClientConn) (any, error) {
	return nil, errors.New("a helper has no client side")
}
