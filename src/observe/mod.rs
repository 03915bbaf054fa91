//! Probes: turn a node's API into the journal's observations.
