package egress

import (
	"fmt"
	"net"
	"net/netip"
)

// Addresses that lead to no server of the Internet, as the IANA registries of
// special-purpose addresses list them (RFC 6890), with those that carry an IPv4
// address to somewhere else.
var (
	special = prefixes(
		"168.63.129.16/32", // where Azure talks to each of its machines
		"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
		"192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
		"224.0.0.0/4", "240.0.0.0/4",
		"2001::/23",     // protocol assignments, Teredo among them
		"2001:db8::/32", // documentation
		"2002::/16",     // 6to4
		"3fff::/20",     // documentation
	)
	// global is all that IPv6 routes: ::/96, fc00::/7, fe80::/10, fec0::/10 and
	// ff00::/8 are outside.
	global = netip.MustParsePrefix("2000::/3")
	// translation is how a network without IPv4 reaches it (NAT64, RFC 6052): a
	// resolver of such a network makes these addresses of the IPv4 ones of a name.
	translation = netip.MustParsePrefix("64:ff9b::/96")
)

func prefixes(texts ...string) []netip.Prefix {
	list := make([]netip.Prefix, len(texts))
	for i, text := range texts {
		list[i] = netip.MustParsePrefix(text)
	}
	return list
}

// judge returns ErrRefused unless the address is public and none of the own
// machine, whose addresses are asked for each time: they come and go.
func judge(address netip.Addr, own func() ([]net.Addr, error)) error {
	a := behind(address)
	if !public(a) {
		return fmt.Errorf("%s is %w", address, ErrRefused)
	}
	interfaces, err := own()
	if err != nil {
		return fmt.Errorf("list the addresses of the own machine: %w", err)
	}
	if among(interfaces, a) {
		return fmt.Errorf("%s is %w", address, ErrRefused)
	}
	return nil
}

// behind is the IPv4 address that an IPv6 address stands for, or else the address.
func behind(a netip.Addr) netip.Addr {
	if a = a.Unmap(); translation.Contains(a) {
		b := a.As16()
		return netip.AddrFrom4([4]byte(b[12:]))
	}
	return a
}

// public reports whether the Internet routes the address. One with a zone is of
// a link.
func public(a netip.Addr) bool {
	if !a.IsValid() || a.Zone() != "" || a.Is6() && !global.Contains(a) {
		return false
	}
	for _, prefix := range special {
		if prefix.Contains(a) {
			return false
		}
	}
	return true
}

func among(interfaces []net.Addr, a netip.Addr) bool {
	for _, one := range interfaces {
		if prefix, err := netip.ParsePrefix(one.String()); err == nil && prefix.Addr().Unmap() == a.Unmap() {
			return true
		}
	}
	return false
}
