package pyregex

import (
	"fmt"
	"strings"
	"sync"
	"testing"
)

func TestCache(t *testing.T) {
	c := NewCache()
	first, err := c.Compile(`^\w+$`, RE2)
	if err != nil {
		t.Fatal(err)
	}
	if again, _ := c.Compile(`^\w+$`, RE2); again != first {
		t.Error("compiled twice")
	}
	if other, _ := c.Compile(`^\w+$`, Backtracking); other == first {
		t.Error("one pattern for both engines")
	}
	_, err = c.Compile("(", RE2)
	if _, again := c.Compile("(", RE2); err == nil || again != err { //nolint:errorlint // the very same
		t.Errorf("a refusal is not remembered: %v, %v", err, again)
	}
	if _, err := c.Compile(strings.Repeat("a", 1025), RE2); err == nil || c.lru.Len() != 3 {
		t.Errorf("%d remembered, %v", c.lru.Len(), err)
	}
	for i := range cached + 10 {
		if _, err := c.Compile(fmt.Sprint("a", i), RE2); err != nil {
			t.Fatal(err)
		}
	}
	if c.lru.Len() != cached {
		t.Errorf("%d remembered", c.lru.Len())
	}
}

// TestConcurrent is for the race detector.
func TestConcurrent(t *testing.T) {
	c := NewCache()
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for _, pattern := range []string{"(a)|b$", "(?<=a)b", `\bé`} {
				p, err := c.Compile(pattern, Engine(i%2))
				if err != nil {
					continue
				}
				tmpl, err := p.ParseTemplate("-")
				if err != nil {
					t.Error(err)
				}
				for range 20 {
					if _, err := p.Replace("ab é\n", tmpl); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
}

func BenchmarkCacheHit(b *testing.B) {
	c := NewCache()
	const pattern = `^(svc|sa)[-_]\w+@corp\.example$`
	for b.Loop() {
		if _, err := c.Compile(pattern, RE2); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkMatch(b *testing.B) {
	for e, pattern := range []string{`^(svc|sa)[-_]\w+@corp\.example$`, `^(?!svc-)[-\w]+@corp\.example$`} {
		p, err := compile(pattern, Engine(e))
		if err != nil {
			b.Fatal(err)
		}
		b.Run([]string{"RE2", "backtracking"}[e], func(b *testing.B) {
			for b.Loop() {
				if _, err := p.Match("sa-backup@corp.example"); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkReplace(b *testing.B) {
	p, err := compile(`(.+)@.+`, RE2)
	if err != nil {
		b.Fatal(err)
	}
	tmpl, err := p.ParseTemplate(`\1`)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := p.Replace("sa-backup@corp.example", tmpl); err != nil {
			b.Fatal(err)
		}
	}
}
