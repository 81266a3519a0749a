// Package archtest holds the tests about the repository itself: who may import
// whom, one package comment each, pages whose examples load and whose links
// lead somewhere. It has no code of its own.
package archtest
