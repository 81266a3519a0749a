package rego

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// surface is every helper with the types of its arguments and its result, its
// class, its cost, and whether equal calls have one answer.
const surface = `
regex_match(string, string) boolean D1 memo
regex_replace(string, string, string) string D1 memo
list_flatten(any) any D1 memo
slugify(any) string D1 memo
ip_address(string) object D1 memo
ip_network(string) object D1 memo
ip_in_network(string or object, string or object) boolean D1 memo
ip_in_any(string or object, array or set) boolean D1 memo
ip_add(string or object, number) string D1 memo
ip_compare(string or object, string or object) number D1 memo
net_relation(string or object, string or object) string D1 memo
ak_call_policy(string, object) object S3 memo
ak_is_group_member(null or string or object, object) boolean S3 memo
ak_user_by(object) null or object S3 memo
ak_user_has_authenticator(null or string or object, string) boolean S2 memo
ak_message(string) boolean W1
ak_create_event(string, object) boolean W2
ak_logger.debug(string, object) boolean W1
ak_logger.info(string, object) boolean W1
ak_logger.warning(string, object) boolean W1
ak_logger.error(string, object) boolean W1
resolve_dns(string, number) array N4 memo
reverse_dns(string) string N4 memo
requests.get(string, object) object N4 memo
requests.post(string, object) object N4
`

func TestReference(t *testing.T) {
	var lines []string
	for _, h := range Reference() {
		var args []string
		for _, a := range h.Args {
			args = append(args, a.Type)
		}
		line := fmt.Sprintf("%s(%s) %s %s%d", h.Name, strings.Join(args, ", "), h.Result, h.Class, h.Cost)
		if h.Memo {
			line += " memo"
		}
		lines = append(lines, line)
	}
	if diff := cmp.Diff(surface, "\n"+strings.Join(lines, "\n")+"\n"); diff != "" {
		t.Errorf("functions (-want +got):\n%s", diff)
	}
}

// TestExamples evaluates the example of each function.
func TestExamples(t *testing.T) {
	for _, h := range Reference() {
		if h.Doc == "" || !strings.Contains(h.Example, h.Name+"(") {
			t.Errorf("%s: %q, %q", h.Name, h.Doc, h.Example)
			continue
		}
		in := member()
		in.User.Email = "alice@example.org"
		in.User.Attributes = map[string][]string{"mail": {"alice@example.org"}}
		set := loadWith(t, Options{Users: colleagues(), DNS: &names{}, Web: &site{}, Native: scopes{"secure_access": true}}, map[string]string{
			"p.rego": policyText("raw_result := " + h.Example),
		})
		if _, err := set.Expressions()["p"].Eval(t.Context(), in); err != nil {
			t.Errorf("%s: %v", h.Example, err)
		}
	}
}
