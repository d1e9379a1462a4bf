package session

// KeepAlive sends a frame that means nothing, which Session Manager counts as input: the session does not become idle. In
// basic mode, where every byte is the target's, it does nothing.
func (s *Session) KeepAlive() { s.channel.session().KeepAlive() }
