package filter

// phrases finds which of many phrases are in a text, in one pass over it however many
// they are (A. Aho and M. Corasick, 1975). A text stands between two zero bytes, which
// no value holds, so that a phrase may be bound to its beginning or end.
type phrases struct {
	next   map[uint64]int32 // from a state by a byte
	states []phraseState    // 0 is the state before anything was read
	// after gives the phrase that ends in the same state, or none.
	after []int32
}

// phraseState is what was read that is the beginning of a phrase.
type phraseState struct {
	from int32 // one byte before
	by   byte
	back int32 // the longest end of it that is the beginning of a phrase
	ends int32 // the first phrase that ends here, or none
	more int32 // the nearest state on the way back, this one included, where a phrase ends; 0 is none
}

const none = -1

func newPhrases() *phrases {
	return &phrases{next: make(map[uint64]int32), states: []phraseState{{ends: none}}}
}

func step(state int32, by byte) uint64 { return uint64(state)<<8 | uint64(by) }

// add adds a phrase, which is known by its number: the first is 0.
func (p *phrases) add(phrase string) {
	var at int32
	for _, by := range []byte(phrase) {
		to, ok := p.next[step(at, by)]
		if !ok {
			to = int32(len(p.states))
			p.next[step(at, by)] = to
			p.states = append(p.states, phraseState{from: at, by: by, ends: none})
		}
		at = to
	}
	p.after = append(p.after, p.states[at].ends)
	p.states[at].ends = int32(len(p.after) - 1)
}

// link completes the states when all phrases are there.
func (p *phrases) link() {
	following := make([][]int32, len(p.states))
	for i := range p.states[1:] {
		s := int32(i + 1)
		following[p.states[s].from] = append(following[p.states[s].from], s)
	}
	for queue := []int32{0}; len(queue) > 0; queue = queue[1:] {
		queue = append(queue, following[queue[0]]...)
		s := &p.states[queue[0]]
		if queue[0] != 0 && s.from != 0 {
			s.back = p.read(p.states[s.from].back, s.by)
		}
		if s.more = p.states[s.back].more; s.ends != none {
			s.more = queue[0]
		}
	}
}

// read goes on by one byte.
func (p *phrases) read(state int32, by byte) int32 {
	for {
		if to, ok := p.next[step(state, by)]; ok {
			return to
		}
		if state == 0 {
			return 0
		}
		state = p.states[state].back
	}
}

// find tells of each phrase in the text, of some more than once, until found reports
// that it is enough.
func (p *phrases) find(text string, found func(phrase int32) bool) bool {
	at := p.read(0, 0)
	for i := 0; ; i++ {
		for s := p.states[at].more; s != 0; s = p.states[p.states[s].back].more {
			for phrase := p.states[s].ends; phrase != none; phrase = p.after[phrase] {
				if found(phrase) {
					return true
				}
			}
		}
		switch {
		case i < len(text):
			at = p.read(at, text[i])
		case i == len(text):
			at = p.read(at, 0)
		default:
			return false
		}
	}
}
