package main

import "math"

// earthRadius is the mean radius of the earth in km.
const earthRadius = 6371.0088

// point is a place on the earth, in degrees.
type point struct{ lat, long float64 }

// valid reports whether there is such a place.
func (p point) valid() bool { return math.Abs(p.lat) <= 90 && math.Abs(p.long) <= 180 }

// distance is the way between two points along the great circle, in km. It takes
// the earth for a sphere, and so is wrong by half a percent at the most.
func (p point) distance(q point) float64 {
	const degree = math.Pi / 180
	sinLat := math.Sin((q.lat - p.lat) * degree / 2)
	sinLong := math.Sin((q.long - p.long) * degree / 2)
	h := sinLat*sinLat + math.Cos(p.lat*degree)*math.Cos(q.lat*degree)*sinLong*sinLong
	return 2 * earthRadius * math.Asin(math.Sqrt(min(1, h)))
}
