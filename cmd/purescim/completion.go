package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

type completionCommand struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"For which shell: ${enum}."`
}

// completions are scripts that have a shell ask the program itself what may come next.
var completions = map[string]string{
	"bash": `_purescim() {
	local IFS=$'\n'
	COMPREPLY=($(purescim complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _purescim purescim
`,
	"zsh": `#compdef purescim
_purescim() {
	local -a found
	found=("${(@f)$(purescim complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)}")
	if [[ -n "$found" ]]; then compadd -a found; else _files; fi
}
if [[ ${funcstack[1]} = _purescim ]]; then _purescim; else compdef _purescim purescim; fi
`,
	"fish": `complete -c purescim -a '(purescim complete -- (commandline -opc)[2..] (commandline -ct) 2>/dev/null)'
`,
}

// Run prints the script of the shell.
func (cmd *completionCommand) Run(c console) error {
	_, err := fmt.Fprint(c.out, completions[cmd.Shell])
	return err
}

// completeCommand is what the scripts call.
type completeCommand struct {
	Words []string `arg:"" optional:"" help:"The words so far; the last one is not finished."`
}

// Run prints what the last word may become, a line each.
func (cmd *completeCommand) Run(c console, app *kong.Kong) error {
	for _, word := range candidates(app.Model.Node, cmd.Words) {
		if _, err := fmt.Fprintln(c.out, word); err != nil {
			return err
		}
	}
	return nil
}

// candidates are what may stand in the place of the last word.
func candidates(node *kong.Node, words []string) (found []string) {
	if len(words) == 0 {
		words = []string{""}
	}
	last := words[len(words)-1]
	var flag *kong.Flag // which waits for its value
	for _, word := range words[:len(words)-1] {
		switch {
		case flag != nil:
			flag = nil
		case strings.HasPrefix(word, "-"):
			flag = flagOf(node, word)
		default:
			node = childOf(node, word)
		}
	}
	switch name, value, assigned := strings.Cut(last, "="); {
	case flag != nil:
		found = enumOf(flag)
	case assigned && flagOf(node, name) != nil:
		last = value
		found = enumOf(flagOf(node, name))
	case strings.HasPrefix(last, "-"):
		for _, f := range flagsOf(node) {
			found = append(found, "--"+f.Name)
		}
	default:
		for _, child := range node.Children {
			if !child.Hidden {
				found = append(found, child.Name)
			}
		}
		for _, arg := range node.Positional {
			found = append(found, arg.EnumSlice()...)
		}
	}
	found = slices.DeleteFunc(found, func(word string) bool { return word == "" || !strings.HasPrefix(word, last) })
	slices.Sort(found)
	return found
}

// flagsOf are the flags that may follow the words that lead to a node.
func flagsOf(node *kong.Node) (flags []*kong.Flag) {
	for _, group := range node.AllFlags(true) {
		flags = append(flags, group...)
	}
	return flags
}

// flagOf is the flag of a word when its value is the next word.
func flagOf(node *kong.Node, word string) *kong.Flag {
	for _, f := range flagsOf(node) {
		if !f.IsBool() && (word == "--"+f.Name || f.Short != 0 && word == "-"+string(f.Short)) {
			return f
		}
	}
	return nil
}

func enumOf(f *kong.Flag) []string { return f.EnumSlice() }

func childOf(node *kong.Node, word string) *kong.Node {
	for _, child := range node.Children {
		if child.Name == word {
			return child
		}
	}
	return node
}
