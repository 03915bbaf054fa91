//! Characters that look like a blank, or like nothing, and are neither to YAML: they come along when text is copied from a
//! web page, and no message about what they lead to would ever be understood.

use super::tree::{Content, Node};
use super::{Diagnostic, Span};

/// What such a character is called by Unicode.
fn name(character: char) -> Option<&'static str> {
    Some(match character {
        '\u{a0}' => "no-break space",
        '\u{2000}'..='\u{200a}' => "space of another width",
        '\u{202f}' => "narrow no-break space",
        '\u{3000}' => "ideographic space",
        '\u{200b}' => "zero width space",
        '\u{200c}' => "zero width non-joiner",
        '\u{200d}' => "zero width joiner",
        '\u{2060}' => "word joiner",
        '\u{feff}' => "byte order mark",
        _ => return None,
    })
}

/// The first such character in the indentation of a line: why the text is no YAML, if there is one.
pub(super) fn in_indentation(text: &str, source: u32) -> Option<Diagnostic> {
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let from = if start == 0 { line.len() - line.trim_start_matches('\u{feff}').len() } else { 0 };
        let indentation = line[from..].chars().take_while(|c| c.is_whitespace() || name(*c).is_some());
        let mut at = start + from;
        for character in indentation {
            if let Some(name) = name(character) {
                return Some(mistake(character, name, at, source));
            }
            at += character.len_utf8();
        }
        start += line.len();
    }
    None
}

/// Such characters in keys and in words without quotes.
pub(super) fn in_words(node: &Node, text: &str, found: &mut Vec<Diagnostic>) {
    match &node.content {
        Content::Null | Content::Scalar { quoted: true, .. } => {}
        Content::Scalar { quoted: false, .. } => in_word(node.span, text, found),
        Content::List(items) => items.iter().for_each(|item| in_words(item, text, found)),
        Content::Map(entries) => {
            for (key, value) in entries {
                if !text.get(key.span.start as usize..).is_some_and(|slice| slice.starts_with(['"', '\''])) {
                    in_word(key.span, text, found);
                }
                in_words(value, text, found);
            }
        }
    }
}

fn in_word(span: Span, text: &str, found: &mut Vec<Diagnostic>) {
    let slice = text.get(span.start as usize..span.end as usize).unwrap_or_default();
    let first = slice.char_indices().find_map(|(at, character)| Some((at, character, name(character)?)));
    if let Some((at, character, name)) = first {
        let mistake = mistake(character, name, span.start as usize + at, span.source);
        // What an alias stands for is told once.
        if !found.contains(&mistake) {
            found.push(mistake);
        }
    }
}

fn mistake(character: char, name: &str, at: usize, source: u32) -> Diagnostic {
    let start = u32::try_from(at).unwrap_or(u32::MAX);
    let span = Span { source, start, end: start.saturating_add(character.len_utf8() as u32) };
    Diagnostic::error(format!("U+{:04X} ({name}) is no blank here", u32::from(character)))
        .at(span, "looks like a blank or like nothing")
        .help("put an ordinary blank there or take it away; in quotes it may stand")
}
