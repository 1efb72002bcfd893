package provisioning

// Advised are all advice, without guides.
func Advised() (all []Advice) {
	for _, a := range advices {
		all = append(all, Advice{Parts: partsOf(a.text)})
		for _, text := range a.system {
			all = append(all, Advice{Parts: partsOf(text)})
		}
	}
	return all
}
