// Package directory holds the rules: what an organisation's users and groups
// may be and become. It declares the store it needs and knows neither SQL nor
// HTTP.
//
// What an attribute is, it leaves to package schema; how operations and filters
// read, to patch and filter; who may call it, to oauth and the doors.
package directory
