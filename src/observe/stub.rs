//! A node that a test scripts.
