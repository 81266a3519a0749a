// Package archtest holds the tests about the repository itself: who may import
// whom, one package comment each, pages whose examples load, whose links lead
// somewhere and whose tables say what the program says. It has no code of its own.
package archtest
