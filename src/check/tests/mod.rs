//! Tests of whole checks on journals of a few lines.

mod agreement;
mod counting;
mod documents;
mod growing;
mod laws;
mod recovering;
mod states;
mod telling;
