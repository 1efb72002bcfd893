// Package chaos serves one pair of PostgreSQL with two servers, has clients use them, and
// strikes: it kills, stops, cuts, delays and fails over at random. What the clients saw is a
// history, and Check tells what of it no correct server can have shown.
//
// It owns the faults, the load and the check. The program that it strikes is built before,
// and PostgreSQL's are the machine's own (package localpg). It runs on demand: make chaos.
package chaos
