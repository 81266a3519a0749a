package rego

import (
	"context"
	"testing"

	"github.com/sallyport-auth/sallyport/internal/identity"
	"github.com/sallyport-auth/sallyport/policyengine"
)

type fake struct{}

func (fake) Check(_ context.Context, _ *policyengine.Input, args []policyengine.Value) (policyengine.Value, error) {
	return args[0] == "erin", nil
}

func TestQuickstart(t *testing.T) {
	set, err := Load(context.Background(), "../examples/quickstart/policies/rego", Options{Helpers: []policyengine.Helper{{
		Name: "watchlist.listed", Args: []policyengine.ValueType{policyengine.TypeString}, Result: policyengine.TypeBoolean, Class: policyengine.ReadsState, Condition: fake{},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	for name, p := range set.Expressions() {
		for _, u := range []*identity.User{{Login: "alice", Groups: []string{"vpn-users"}}, {Login: "erin"}} {
			r, err := p.Eval(context.Background(), &policyengine.Input{User: u})
			t.Log(name, u.Login, r, err, p.Reads())
		}
	}
}
