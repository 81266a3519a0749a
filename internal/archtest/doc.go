// Package archtest holds the tests about the repository itself: who may import
// whom, one package comment each, no words that do not belong here. It has no
// code of its own.
package archtest
