// Package pyregex searches and replaces with regular expressions as Python's re
// does, so that patterns of authentik's policies mean here what they mean there.
//
// A pattern is parsed by Python's grammar into a tree of nodes, and written for an
// engine from there. On RE2, whose time is linear in the value, that is Go's regexp,
// and a small machine over the same programs for what regexp has no notion of:
// Python's $ before a final newline, and an empty match followed by one at the same
// place. The backtracking engine is there for look-around, back-references and the
// like; it is used for nothing that RE2 can do, and every search has a time limit.
//
// What differs from Python 3.13: on RE2 \b and \B know ASCII letters only, and a
// repetition of what can match nothing, as (a*)*, can end elsewhere, which shows in
// replacements only; Warnings tells of both. By backtracking, such repetitions
// inside of each other can still do so. POSIX classes such as [[:alpha:]], which
// Python reads as an odd set, are refused, and so is \N{…}; sizes are limited.
// Otherwise, and this is the invariant, a pattern that is accepted means what it
// means in Python.
package pyregex
