package phone

import (
	"fmt"
	"testing"
)

func TestMemory_ForgetsTheOldest(t *testing.T) {
	t.Parallel()
	m := memory{recent: make(map[question]string)}
	ask := func(i int) question { return question{fmt.Sprint(i), "US"} }
	for i := range 3 * generation {
		m.put(ask(i), fmt.Sprint("+", i))
	}
	if _, ok := m.get(ask(0)); ok {
		t.Error("the first answer is still there")
	}
	last := 3*generation - 1
	if got, ok := m.get(ask(last)); !ok || got != fmt.Sprint("+", last) {
		t.Errorf("the last answer is %q, %v", got, ok)
	}
	if _, ok := m.get(question{fmt.Sprint(last), "DE"}); ok {
		t.Error("an answer for one region was given for another")
	}
	if n := len(m.recent) + len(m.past); n > 2*generation {
		t.Errorf("%d answers are kept", n)
	}
}
