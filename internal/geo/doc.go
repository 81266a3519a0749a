// Package geo tells where an address is and whose network it belongs to, from
// files in the format of MaxMind (GeoLite2, GeoIP2 and what is compatible).
//
// A file that is absent, damaged or of another kind is no error, and neither is an
// address that no file knows: the answer then says that nothing is known. Files
// are read again when they change. Its invariant: a file that cannot be read never
// takes the place of one that was.
package geo
