// Package config is what the administrator writes: the schema of the one YAML
// file, strict loading that reports every fault with file, line and column,
// references to secrets, and safe defaults.
//
// Other rooms take its types as they are; nothing copies them field by field. A
// loaded Config is never changed. Opening files that it names (policies,
// certificates, databases) is left to the rooms that use them; they report
// faults in its terms through Config.Fault.
package config
