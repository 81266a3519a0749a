package config

import (
	"flag"
	"fmt"
	"net/netip"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

const (
	reference     = "../docs/configuration.md"
	referenceHead = "testdata/configuration.head.md"
)

// TestReference keeps docs/configuration.md what the schema says. Run it with
// -update after a change.
func TestReference(t *testing.T) {
	head, err := os.ReadFile(referenceHead)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.Write(head)
	writeSection(&b, reflect.TypeFor[Config](), "", "")
	golden(t, reference, b.String())
}

// golden compares a text with a file, or writes it.
func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v (run the test with -update)", err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("%s is out of date; run the test with -update (-file +generated):\n%s", file, d)
	}
}

// writeSection writes the table of a section and then the sections below it.
func writeSection(b *strings.Builder, t reflect.Type, path, doc string) {
	title := strings.ReplaceAll(path, "*", "NAME")
	if path == "" {
		title, doc = "Top level", "The sections of the file."
	}
	fmt.Fprintf(b, "\n## %s\n\n%s\n\n| key | type | default | meaning |\n|---|---|---|---|\n", title, doc)
	for _, f := range fieldsOf(t) {
		typ := t.FieldByIndex(f.index).Type
		name := "`" + f.key + "`"
		if f.required {
			name = "*" + name + "*"
		}
		byDefault := ""
		if f.hasDefault {
			byDefault = "`" + f.byDefault + "`"
		}
		doc := f.doc
		if f.kind != "" {
			doc = "(" + f.kind + ") " + doc
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s |\n", name, typeName(typ, f), byDefault, strings.ReplaceAll(doc, "|", `\|`))
	}
	for _, f := range fieldsOf(t) {
		if section, at := inner(t.FieldByIndex(f.index).Type, join(path, f.key)); section != nil {
			writeSection(b, section, at, f.doc)
		}
	}
}

// typeName is what an administrator calls a type.
func typeName(t reflect.Type, f field) string {
	switch {
	case t == secretType:
		return "secret"
	case t.Kind() == reflect.Interface:
		return "value"
	case t.Kind() == reflect.Pointer:
		return typeName(t.Elem(), f)
	case t == reflect.TypeFor[Names]():
		return "text or list of texts"
	case t == reflect.TypeFor[EmptyScope]():
		return "`allow` or `deny`, or one of them by scope"
	case t.Kind() == reflect.Slice:
		return "list of " + plural(typeName(t.Elem(), f))
	case t.Kind() == reflect.Map && f.literal:
		return "texts or secrets by name"
	case t.Kind() == reflect.Map:
		return plural(typeName(t.Elem(), f)) + " by name"
	case t == reflect.TypeFor[ListenAddr](), t == reflect.TypeFor[DNSServer]():
		return "address"
	case t == reflect.TypeFor[Origin]():
		return "server"
	case t == reflect.TypeFor[netip.Prefix]():
		return "network"
	case t.Kind() == reflect.Struct:
		return "section"
	case f.enum != nil:
		return "one of `" + strings.Join(f.enum, "`, `") + "`"
	case t == reflect.TypeFor[time.Duration]():
		return "duration" + limits(f)
	case t.Kind() == reflect.Bool:
		return "`true` or `false`"
	case t.Kind() == reflect.Int:
		return "number" + limits(f)
	case f.path:
		return "path"
	}
	return "text"
}

func plural(noun string) string {
	if strings.HasSuffix(noun, "s") {
		return noun + "es"
	}
	return noun + "s"
}

func limits(f field) string {
	if f.min == "" {
		return ""
	}
	return fmt.Sprintf(", %s to %s", f.min, f.max)
}
