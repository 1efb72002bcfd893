package schema

import "fmt"

// DefinitionError is what is wrong with the definition of a schema, and where.
type DefinitionError struct {
	// Member is the member of the definition that is wrong, such as "id".
	Member string
	// Attribute is the path of the attribute that is, such as "doors.level", where Member is
	// "attributes"; empty where it is all of them.
	Attribute string
	Err       error // with a text that names what is wrong, and what is allowed
}

// Error implements error.
func (e *DefinitionError) Error() string { return e.Err.Error() }

// Unwrap gives Err.
func (e *DefinitionError) Unwrap() error { return e.Err }

// wrongID is an error about the id of a schema.
func wrongID(format string, args ...any) error {
	return &DefinitionError{Member: "id", Err: fmt.Errorf(format, args...)}
}

// wrongAttribute is an error about the attribute of a path.
func wrongAttribute(path, format string, args ...any) error {
	return &DefinitionError{Member: "attributes", Attribute: path, Err: fmt.Errorf(format, args...)}
}
