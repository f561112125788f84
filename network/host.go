package network

// A Host is a machine's or a client's place in the network: what has an address. It begins with
// power.
type Host struct {
	n       *Network
	id      int
	name    string
	place   Place
	powered bool
	boots   uint64 // times it came back; connections made before are not known to it
	luck    uint64 // what the keys of messages without one are made from
	links   links
	awaited string // what a caller of this host waits for, in a deadlock report

	serving list // exchanges that servers here have accepted and not answered
	silent  list // exchanges whose callers wait for this host although it has no power
}

// AddHost adds a host. A place without a zone makes it a client. It panics if the name is taken.
func (n *Network) AddHost(name string, place Place) *Host {
	if name == "" || n.names[name] != nil {
		panic("network: the host name " + name + " is empty or taken")
	}
	stream := n.s.Stream("network/host/" + name)
	h := &Host{
		n: n, id: len(n.hosts), name: name, place: place, powered: true,
		luck: stream.Uint64(), awaited: "an answer from " + name,
	}
	n.hosts = append(n.hosts, h)
	n.names[name] = h
	return h
}

// Name returns the name of the host.
func (h *Host) Name() string { return h.name }

// Place returns where the host is.
func (h *Host) Place() Place { return h.place }

// Powered reports whether the host has power.
func (h *Host) Powered() bool { return h.powered }

// PowerOff takes the host off the network at once and without a word: what arrives is not
// answered, and what was in service never will be. Whoever also kills what runs on the host does
// that after PowerOff, so that the dying have no time to say so.
func (h *Host) PowerOff() {
	if !h.powered {
		return
	}
	h.powered = false
	for w := h.serving.first; w != nil; w = h.serving.first {
		w.fallSilent()
	}
}

// PowerOn brings the host back. It knows nothing of the connections it had: callers that still
// wait for it see them reset.
func (h *Host) PowerOn() {
	if h.powered {
		return
	}
	h.powered = true
	h.boots++
	for w := h.silent.first; w != nil; w = h.silent.first {
		w.reset()
	}
}
