// Package conformance holds what the standards ask of a SCIM server, each
// requirement with the tests that prove it. Its own test holds the list against
// the tests of this repository and writes docs/conformance.md from it.
//
// It owns no server and no client: the tests that the list names stand beside
// the code that they prove, or in package servertest.
//
// Each file of requirements is a table of the document. It begins with its title,
// and blank lines stand between requirements:
//
//	# Creating
//
//	C1 MUST 7644 3.3
//	A created resource is answered with 201.
//	= scimapi.TestPost_AnswersTheResource
//	! Groups are made this way where the organisation's setting allows it.
//
// The first line has an id that never changes, the level (MUST for SHALL and
// REQUIRED too; OPEN where the standard leaves a choice that others may make in
// another way), the number of the RFC and the section. Then comes the requirement
// in our words. A line with = names a test, by its package and, behind a
// slash, the name of one of its cases; one with ! tells in what the
// server differs, deliberately.
package conformance
