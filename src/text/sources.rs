//! The files of one invocation: number, name, text.

use super::Span;

/// Every text that was read. Spans name them by number; number 0 is "nowhere", so that values that the tool made
/// itself never seem to stand in a user's file.
#[derive(Clone, Debug)]
pub struct Sources {
    files: Vec<Source>,
}

#[derive(Clone, Debug)]
struct Source {
    name: String,
    text: String,
}

/// A place as people and editors name it; lines and columns count from 1, columns in characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Position {
    /// Name of the file.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

impl Default for Sources {
    fn default() -> Self {
        Self::new()
    }
}

impl Sources {
    /// No files yet.
    pub fn new() -> Self {
        Self { files: vec![Source { name: String::new(), text: String::new() }] }
    }

    /// Adds a text and gives its number. The same name and text again keep their number.
    pub fn add(&mut self, name: &str, text: &str) -> u32 {
        if let Some(known) = self.files.iter().skip(1).position(|file| file.name == name && file.text == text) {
            return known as u32 + 1;
        }
        self.files.push(Source { name: name.to_owned(), text: text.to_owned() });
        (self.files.len() - 1) as u32
    }

    /// Name of a file.
    pub fn name(&self, source: u32) -> &str {
        self.files.get(source as usize).map_or("", |file| &file.name)
    }

    /// Text of a file.
    pub fn text(&self, source: u32) -> &str {
        self.files.get(source as usize).map_or("", |file| &file.text)
    }

    /// The text of a place.
    pub fn slice(&self, span: Span) -> &str {
        self.text(span.source).get(span.start as usize..span.end as usize).unwrap_or("")
    }

    /// Where a place begins, or `None` for values that stand in no file.
    pub fn position(&self, span: Span) -> Option<Position> {
        if span.source == 0 {
            return None;
        }
        let file = self.files.get(span.source as usize)?;
        let before = file.text.get(..span.start as usize)?;
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Some(Position {
            file: file.name.clone(),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        })
    }

    /// `file:line`, for journals and reports; empty for values that stand in no file.
    pub fn place(&self, span: Span) -> String {
        self.position(span).map_or_else(String::new, |position| format!("{}:{}", position.file, position.line))
    }
}
