//! Where words go: data to stdout, everything else to stderr. The only place that prints.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};

use clap::ValueEnum;

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

/// Prints data. A reader that went away (`| head`) is no error.
pub(super) fn data(text: impl Display) {
    let text = text.to_string();
    let end = if text.ends_with('\n') { "" } else { "\n" };
    drop(write!(io::stdout().lock(), "{text}{end}"));
}

/// Prints data as JSON.
pub(super) fn json(value: &impl serde::Serialize) {
    data(serde_json::to_string_pretty(value).expect("plain data always becomes JSON"));
}

/// Says something to a person.
pub(super) fn say(text: impl Display) {
    let text = text.to_string();
    let end = if text.ends_with('\n') { "" } else { "\n" };
    drop(write!(io::stderr().lock(), "{text}{end}"));
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
