// Package filter reads the filters and PATCH paths of RFC 7644 (sections
// 3.4.2.2 and 3.5.2) and the spellings of them that clients use, binds them to
// the attributes of package schema, prints them, and tests documents in memory.
//
// The grammar itself is github.com/scim2/filter-parser. This package guards it:
// limits come first, literals and attribute names never reach it, and its trees
// are kept per shape of filter. How a filter becomes SQL is left to package
// postgres, what a path does to a document to package patch.
package filter
