// Package deps keeps modules that are about to be used.
package deps

import (
	_ "github.com/sony/gobreaker/v2"
	_ "pgregory.net/rapid"
)
