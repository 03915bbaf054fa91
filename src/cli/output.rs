//! Where words go: data to stdout, everything else to stderr. The only place that prints.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};

use clap::ValueEnum;

use crate::journal::shown::{printable, printable_json};

/// How data is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people.
    #[default]
    #[value(alias = "text")]
    Human,
    /// For programs; carries a schema version.
    Json,
    /// Graphviz (`plan` only).
    Dot,
    /// Mermaid (`plan` only).
    Mermaid,
    /// A picture (`plan` only).
    Svg,
}

impl Format {
    /// Whether only `plan` can print it.
    pub(super) fn is_for_plans(self) -> bool {
        matches!(self, Self::Dot | Self::Mermaid | Self::Svg)
    }
}

/// When colours are used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Color {
    /// If the stream is a terminal and `NO_COLOR` is not set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl Color {
    fn on(self, terminal: bool) -> bool {
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::Auto => terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
        }
    }

    /// Whether stdout gets colours.
    pub(super) fn stdout(self) -> bool {
        self.on(io::stdout().is_terminal())
    }

    /// Whether stderr gets colours.
    pub(super) fn stderr(self) -> bool {
        self.on(io::stderr().is_terminal())
    }
}

/// Prints data. Foreign text may stand in it: none of it acts on the terminal. A reader that went away (`| head`) is no
/// error.
pub(super) fn data(text: impl Display) {
    styled_data(printable(&text.to_string()));
}

/// Prints data that may hold colours: whoever made it saw to it that foreign text in it is printable.
pub(super) fn styled_data(text: impl Display) {
    write_to(io::stdout().lock(), &text.to_string());
}

/// Prints data as JSON.
pub(super) fn json(value: &impl serde::Serialize) {
    let text = serde_json::to_string_pretty(value).expect("plain data always becomes JSON");
    data(printable_json(&text));
}

/// Says something to a person. What nodes said may stand in it: none of it acts on the terminal.
pub(super) fn say(text: impl Display) {
    styled(printable(&text.to_string()));
}

/// Says something that may hold colours, as with [`styled_data`].
pub(super) fn styled(text: impl Display) {
    write_to(io::stderr().lock(), &text.to_string());
}

fn write_to(mut stream: impl Write, text: &str) {
    let end = if text.ends_with('\n') { "" } else { "\n" };
    drop(write!(stream, "{text}{end}"));
}

/// Says what went wrong, its causes, and what can be done.
pub(super) fn error(message: impl Display, causes: &[String], remedy: Option<&str>) {
    let mut text = format!("error: {message}\n");
    for cause in causes {
        text.push_str("  caused by: ");
        text.push_str(cause);
        text.push('\n');
    }
    if let Some(remedy) = remedy {
        text.push_str("  help: ");
        text.push_str(remedy);
        text.push('\n');
    }
    say(text);
}

/// The causes of an error, outermost first, without itself.
pub(super) fn causes(error: &dyn std::error::Error) -> Vec<String> {
    let mut causes = Vec::new();
    let mut next = error.source();
    while let Some(cause) = next {
        causes.push(cause.to_string());
        next = cause.source();
    }
    causes
}
