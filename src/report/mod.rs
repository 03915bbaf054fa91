//! Journal to terminal, JUnit, HTML and SVG.
