//! The layout of results/ on disk.
