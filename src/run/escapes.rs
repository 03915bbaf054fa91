//! Colours and other terminal control in nodes' output: no part of what a line says.

use std::borrow::Cow;

const ESCAPE: char = '\u{1b}';
const BELL: char = '\u{7}';
/// One character for `ESC [`, and one for `ESC \`.
const CSI: char = '\u{9b}';
const ST: char = '\u{9c}';

/// The text without control sequences (ECMA-48): `ESC [ … m` and its like, strings such as a window's title
/// (`ESC ] … BEL`), and short ones (`ESC ( B`). A sequence that does not end in this text is left as it is, but for its
/// escape: cutting the rest of a line away on a guess could hide what it says.
pub(super) fn without_escapes(text: &str) -> Cow<'_, str> {
    if !text.contains([ESCAPE, CSI]) {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find([ESCAPE, CSI]) {
        plain.push_str(&rest[..at]);
        rest = &rest[at..];
        let skipped = sequence(rest).unwrap_or_else(|| rest.chars().next().map_or(0, char::len_utf8));
        rest = &rest[skipped..];
    }
    plain.push_str(rest);
    Cow::Owned(plain)
}

/// Length of the sequence that the text begins with.
fn sequence(text: &str) -> Option<usize> {
    let mut rest = text.char_indices();
    let (_, first) = rest.next()?;
    let kind = if first == CSI { '[' } else { rest.next()?.1 };
    match kind {
        // Parameters, intermediates, one final character.
        '[' => {
            rest.find(|(_, c)| !matches!(c, ' '..='?')).filter(|(_, c)| matches!(c, '@'..='~')).map(|(at, _)| at + 1)
        }
        // Operating system command, device control, start of string, privacy message, application command.
        ']' | 'P' | 'X' | '^' | '_' => {
            let body = rest.as_str();
            let from = text.len() - body.len();
            let end = body.find([BELL, ST, ESCAPE])?;
            let ender = body[end..].chars().next()?;
            match ender {
                ESCAPE if body[end..].starts_with("\u{1b}\\") => Some(from + end + 2),
                // Another sequence begins: this one was never ended.
                ESCAPE => None,
                _ => Some(from + end + ender.len_utf8()),
            }
        }
        ' '..='/' => {
            rest.find(|(_, c)| !matches!(c, ' '..='/')).filter(|(_, c)| matches!(c, '0'..='~')).map(|(at, _)| at + 1)
        }
        '0'..='~' => Some(2),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_sequences_are_no_text() {
        for (text, plain) in [
            ("plain", "plain"),
            ("\u{1b}[31mERROR\u{1b}[0m chain broken", "ERROR chain broken"),
            ("\u{1b}[1;38;5;196mWARN\u{1b}[m", "WARN"),
            ("\u{9b}31mred", "red"),
            ("\u{1b}[2K\u{1b}[1Gline", "line"),
            ("\u{1b}]0;a title\u{7}text", "text"),
            ("\u{1b}]8;;http://x\u{1b}\\link\u{1b}]8;;\u{1b}\\", "link"),
            ("\u{1b}(Btext\u{1b}7", "text"),
            ("\u{1b}Pq#0\u{1b}\\after", "after"),
        ] {
            assert_eq!(without_escapes(text), plain, "{text:?}");
        }
        assert!(matches!(without_escapes("plain"), Cow::Borrowed(_)));
    }

    #[test]
    fn what_does_not_end_hides_nothing() {
        for (text, plain) in [
            ("\u{1b}]0;title without end: panic", "]0;title without end: panic"),
            ("\u{1b}]0;one\u{1b}[31mpanic", "]0;onepanic"),
            ("\u{1b}[31", "[31"),
            ("\u{1b}[31\u{e4}panic", "[31\u{e4}panic"),
            ("panic\u{1b}", "panic"),
            ("\u{1b}\u{1b}[0mpanic", "panic"),
        ] {
            assert_eq!(without_escapes(text), plain, "{text:?}");
        }
    }
}
