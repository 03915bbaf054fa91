//! What names may look like: they become host names, file names and labels.

use super::targets::RESERVED;
use crate::text::{Diagnostic, Sp, Span};

/// Longest name of a node; with the run's id in front it must stay a host name (63 characters).
const LONGEST: usize = 40;

/// Checks the name of a group or node.
pub(super) fn check_node_name(name: &Sp<String>, what: &str) -> Result<(), Diagnostic> {
    check_form(name, what)?;
    if RESERVED.contains(&name.value.as_str()) {
        return Err(Diagnostic::error(format!(
            "`{}` is a word of the language and cannot be the name of a {what}",
            name.value
        ))
        .at(name.span, "taken"));
    }
    Ok(())
}

/// Checks how long the name of a participant's member is, `west-0.execution`.
pub(super) fn check_full_name(name: &str, place: Span) -> Result<(), Diagnostic> {
    if name.len() > LONGEST {
        return Err(Diagnostic::error(format!("the member's name `{name}` is longer than {LONGEST} characters"))
            .at(place, "too long")
            .help("shorten the name of the group or of the member"));
    }
    Ok(())
}

/// Lower-case letters, digits and hyphens, beginning with a letter.
pub(super) fn check_form(name: &Sp<String>, what: &str) -> Result<(), Diagnostic> {
    let text = name.value.as_str();
    if text.is_empty() {
        return Err(Diagnostic::error(format!("this {what} has no name")).at(name.span, "an empty name"));
    }
    let form = text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
        && !text.ends_with('-');
    if !form {
        let shown: String = text.chars().take(60).collect();
        let mut mistake = Diagnostic::error(format!("`{shown}` cannot be the name of a {what}"))
            .at(name.span, "lower-case letters, digits and hyphens, beginning with a letter");
        let proposal = proposal(text);
        if !proposal.is_empty() && proposal != text {
            mistake = mistake.help(format!("for example `{proposal}`"));
        }
        return Err(mistake);
    }
    if text.len() > LONGEST {
        return Err(Diagnostic::error(format!("this name of a {what} is longer than {LONGEST} characters"))
            .at(name.span, "too long"));
    }
    Ok(())
}

/// The nearest name that would do.
fn proposal(text: &str) -> String {
    let mut name = String::new();
    for c in text.chars().take(LONGEST) {
        match c.to_ascii_lowercase() {
            c if c.is_ascii_lowercase() => name.push(c),
            c if c.is_ascii_digit() && !name.is_empty() => name.push(c),
            _ if !name.is_empty() && !name.ends_with('-') => name.push('-'),
            _ => {}
        }
    }
    name.trim_end_matches('-').to_owned()
}
