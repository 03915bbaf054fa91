//! The engine: one event loop, timeline, cancellation, reverse teardown.
