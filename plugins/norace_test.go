//go:build !race

package plugins

import "time"

// backWithin is how long a killed helper may be away.
const backWithin = time.Second
