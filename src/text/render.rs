//! Diagnostics for people, in the style of rustc, and for machines, as JSON.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use serde_json::json;

use super::{Diagnostic, Label, Severity, Sources, Span};

impl Sources {
    /// All messages as text, with file, line, column, snippet, labels and help, in order of their places.
    /// `color` adds ANSI colours.
    pub fn render_all(&self, diagnostics: &[Diagnostic], color: bool) -> String {
        let mut sorted: Vec<&Diagnostic> = diagnostics.iter().collect();
        sorted.sort_by_key(|diagnostic| diagnostic.labels.first().map(|label| label.span));
        let renderer = if color { Renderer::styled() } else { Renderer::plain() };
        let parts: Vec<String> = sorted.iter().map(|diagnostic| self.render_one(diagnostic, &renderer)).collect();
        let mut text = parts.join("\n\n");
        if !text.is_empty() {
            text.push('\n');
        }
        text
    }

    fn render_one(&self, diagnostic: &Diagnostic, renderer: &Renderer) -> String {
        let level = match diagnostic.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let labels: Vec<&Label> = diagnostic.labels.iter().filter(|label| label.span.source != 0).collect();
        // One snippet for each file; the first label's file comes first.
        let mut files: Vec<u32> = Vec::new();
        for label in &labels {
            if !files.contains(&label.span.source) {
                files.push(label.span.source);
            }
        }
        let mut group = Group::with_title(level.primary_title(clean(&diagnostic.message)));
        for file in files {
            let text = self.text(file);
            let mut snippet = Snippet::source(text).path(self.name(file));
            for (index, label) in labels.iter().enumerate().filter(|(_, label)| label.span.source == file) {
                let kind = if index == 0 { AnnotationKind::Primary } else { AnnotationKind::Context };
                let mut annotation = kind.span(first_line(text, label.span));
                if !label.text.is_empty() {
                    annotation = annotation.label(clean(&label.text));
                }
                snippet = snippet.annotation(annotation);
            }
            group = group.element(snippet);
        }
        for help in &diagnostic.help {
            group = group.element(Level::HELP.message(clean(help)));
        }
        renderer.render(&[group])
    }

    /// All messages as a JSON array: `severity`, `message`, `labels` (`file`, `line`, `column`, `end_line`,
    /// `end_column`, `text`), `help`.
    pub fn json(&self, diagnostics: &[Diagnostic]) -> serde_json::Value {
        let mut sorted: Vec<&Diagnostic> = diagnostics.iter().collect();
        sorted.sort_by_key(|diagnostic| diagnostic.labels.first().map(|label| label.span));
        let one = |diagnostic: &&Diagnostic| {
            let labels: Vec<serde_json::Value> = diagnostic
                .labels
                .iter()
                .filter_map(|label| {
                    let start = self.position(label.span)?;
                    let end = self.position(Span { start: label.span.end, ..label.span })?;
                    Some(json!({
                        "file": start.file, "line": start.line, "column": start.column,
                        "end_line": end.line, "end_column": end.column, "text": label.text,
                    }))
                })
                .collect();
            let severity = match diagnostic.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
            };
            json!({"severity": severity, "message": diagnostic.message, "labels": labels, "help": diagnostic.help})
        };
        serde_json::Value::Array(sorted.iter().map(one).collect())
    }
}

/// A label underlines one line: the first of a longer value.
fn first_line(text: &str, span: Span) -> std::ops::Range<usize> {
    let (start, end) = (span.start as usize, (span.end as usize).min(text.len()));
    let start = start.min(end);
    let slice = text.get(start..end).unwrap_or("");
    let line = slice.lines().next().unwrap_or("").trim_end();
    start..start + line.len()
}

/// User text inside messages may hold anything; control characters stay out of the terminal.
fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c }).collect()
}
