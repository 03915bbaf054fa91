//! Foreign text on its way to a person: nothing in it may act on a terminal or reorder what is read.

use std::borrow::Cow;

/// Whether a character does something instead of being read: control characters (C0, C1, DEL) but for the end of a line and
/// the tabulator, and the marks that change the direction of text (Unicode UAX #9), which can make a line read backwards.
pub fn acts(character: char) -> bool {
    match character {
        '\n' | '\t' => false,
        '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => true,
        other => other.is_control(),
    }
}

/// The text with U+FFFD for each character that acts.
pub fn printable(text: &str) -> Cow<'_, str> {
    if text.contains(acts) {
        Cow::Owned(text.chars().map(|character| if acts(character) { '\u{fffd}' } else { character }).collect())
    } else {
        Cow::Borrowed(text)
    }
}

/// JSON text with each character that acts in its escaped form: the same document for a program, and harmless on a terminal.
/// Such characters stand inside of strings only.
pub fn printable_json(text: &str) -> Cow<'_, str> {
    if !text.contains(acts) {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    for character in text.chars() {
        if acts(character) {
            // All of them are in the basic plane, so that one unit says it.
            plain.push_str(&format!("\\u{:04x}", u32::from(character)));
        } else {
            plain.push(character);
        }
    }
    Cow::Owned(plain)
}

/// At most so many characters of a text, on one line and printable, with what was left out in words.
pub fn shortened(text: &str, most: usize) -> String {
    let one_line = |text: &str| printable(text).replace(['\n', '\t'], " ");
    match text.char_indices().nth(most) {
        None => one_line(text),
        Some((end, _)) => format!("{}… ({} characters)", one_line(&text[..end]), text.chars().count()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_acts_is_left() {
        for (text, plain) in [
            ("plain äöü ✓\tx\ny", "plain äöü ✓\tx\ny"),
            ("\u{1b}]0;PWNED\u{7}", "\u{fffd}]0;PWNED\u{fffd}"),
            ("\u{9b}31mred", "\u{fffd}31mred"),
            ("a\0b\u{202e}c\r", "a\u{fffd}b\u{fffd}c\u{fffd}"),
        ] {
            assert_eq!(printable(text), plain);
        }
        assert!(matches!(printable("plain"), Cow::Borrowed(_)));
    }

    #[test]
    fn json_stays_the_same_document() {
        let value = serde_json::json!({"version": "\u{9b}2J\u{202e}\u{1b}[31m\u{7f}", "lines": ["\n"]});
        let text = serde_json::to_string_pretty(&value).expect("JSON");
        let plain = printable_json(&text);
        assert!(!plain.contains(acts), "{plain}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&plain).expect("JSON"), value);
    }

    #[test]
    fn long_text_says_how_long_it_was() {
        assert_eq!(shortened("äö\nü", 4), "äö ü");
        assert_eq!(shortened("äöüß!", 4), "äöüß… (5 characters)");
    }
}
