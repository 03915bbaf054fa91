//! Tests of whole checks on journals of a few lines.

#![allow(
    clippy::unwrap_used,
    clippy::format_push_string,
    clippy::format_collect,
    reason = "tests fail by panicking, and their texts are small"
)]

mod absence;
mod agreement;
mod answering;
mod attacks;
mod calling;
mod counting;
mod diagnosed;
mod diagnosing;
mod documents;
mod growing;
mod inspecting;
mod laws;
mod layers;
mod recovering;
mod sentences;
mod states;
mod telling;
mod unsaid;
