//! The node's log: one line for each event on standard output.
//!
//! `2026-11-22T21:40:59.123Z INFO head slot=12 root=0x…`. Standard output is the log of a node's process, as with any
//! other client; who runs the process collects it.

use std::fmt::Display;
use std::io::Write as _;

/// How much an event matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    Info,
    Warn,
    Error,
}

/// Writes one line: time, level, the event's word, then its fields. Values with spaces are quoted.
pub(super) fn line(level: Level, event: &str, fields: &[(&str, &dyn Display)]) {
    let text = format(&jiff::Timestamp::now(), level, event, fields);
    // A reader that has gone away must not stop the node.
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
}

fn format(now: &jiff::Timestamp, level: Level, event: &str, fields: &[(&str, &dyn Display)]) -> String {
    use std::fmt::Write as _;
    let level = match level {
        Level::Info => "INFO",
        Level::Warn => "WARN",
        Level::Error => "ERROR",
    };
    let mut text = format!("{now:.3} {level} {event}");
    for (name, value) in fields {
        let value = value.to_string();
        let plain = !value.is_empty() && !value.contains(|c: char| c.is_whitespace() || c.is_control() || c == '"');
        let _ = if plain { write!(text, " {name}={value}") } else { write!(text, " {name}={value:?}") };
    }
    text.push('\n');
    text
}

/// Makes panics visible in the log: a line with the word `PANIC`, place and message, whatever the terminal shows.
pub(super) fn install_panic_hook() {
    let default = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let message = panic.to_string().replace('\n', " ");
        let _ = std::io::stdout().lock().write_all(format!("PANIC {message}\n").as_bytes());
        default(panic);
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_stays_a_line() {
        let now: jiff::Timestamp = "2026-11-22T21:40:59.1234Z".parse().unwrap();
        let text = format(&now, Level::Info, "head", &[("slot", &7), ("why", &"two\nlines \"x\""), ("none", &"")]);
        assert_eq!(text, "2026-11-22T21:40:59.123Z INFO head slot=7 why=\"two\\nlines \\\"x\\\"\" none=\"\"\n");
    }
}
