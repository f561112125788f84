package network

import "math/bits"

// links are the links from one host, found by the host that they lead to: a hash table with open
// addressing, at most half full. Of many hosts, one talks to few.
type links struct {
	table []*link // its length is a power of two; nil where it is empty
	count int
}

// to returns the link to a host, or nil.
func (ls *links) to(h *Host) *link {
	if ls.count == 0 {
		return nil
	}
	for i := ls.home(h); ; i++ {
		if l := ls.table[i&(len(ls.table)-1)]; l == nil || l.to == h {
			return l
		}
	}
}

// home returns where the search for the link to a host begins: the upper bits of its number times the
// golden ratio (D. Knuth, The Art of Computer Programming, 6.4).
func (ls *links) home(h *Host) int {
	return int(uint32(h.id) * 0x9e3779b1 >> (33 - bits.Len32(uint32(len(ls.table)))))
}

// add adds a link to a host that has none yet.
func (ls *links) add(l *link) {
	if ls.count++; 2*ls.count > len(ls.table) {
		old := ls.table
		ls.table = make([]*link, max(4, 2*len(old)))
		for _, l := range old {
			if l != nil {
				ls.put(l)
			}
		}
	}
	ls.put(l)
}

func (ls *links) put(l *link) {
	i := ls.home(l.to)
	for ls.table[i&(len(ls.table)-1)] != nil {
		i++
	}
	ls.table[i&(len(ls.table)-1)] = l
}
