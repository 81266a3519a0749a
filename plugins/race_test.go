//go:build race

package plugins

import "time"

// backWithin is how long a killed helper may be away; the race detector makes
// everything several times slower.
const backWithin = 4 * time.Second
