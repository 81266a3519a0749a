package config

// checker looks at what one key alone does not tell: references, and what
// excludes or needs each other. It leaves out what follows from a fault that the
// decoder found.
type checker struct {
	*decoder
	cfg   *Config
	found []*Fault
}

func (c *checker) check() {
}
