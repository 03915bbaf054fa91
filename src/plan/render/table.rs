//! Columns of text.

use std::fmt::Write as _;

/// Rows with aligned columns, two spaces apart, indented by two. Columns that are empty in all rows (the first one is the
/// heading) are left out; no line ends with spaces.
pub(super) fn aligned(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let used = |column: &usize| rows.iter().skip(1).any(|row| row.get(*column).is_some_and(|cell| !cell.is_empty()));
    let shown: Vec<(usize, usize)> = (0..columns).filter(used).map(|column| (column, width(column))).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::from(" ");
        for (column, width) in &shown {
            let cell = row.get(*column).map_or("", String::as_str);
            let _ = write!(line, " {cell:<width$} ");
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}
