//! The YAML reader: text to a tree with places. The only file that names the YAML crate.
//!
//! Anchors, aliases and merge keys are resolved by the crate. What a scalar means is decided later, by its reader, so
//! that the traps of YAML 1.1 (`no`, `on`, `010`) have no chance.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{DuplicateKeyPolicy, Error, Location, MergeKeyPolicy, Spanned};

use super::tree::{Content, Key, Node};
use super::{Diagnostic, Sources, Span};

/// Longest file that is read, in bytes: far more than a person writes, little enough to fit in a span.
const LONGEST_FILE: usize = 1 << 20;

/// Deepest nesting. A scenario needs about ten levels.
const DEEPEST: usize = 48;

/// Most values of a document, aliases written out. A topology of 1,000 single nodes has about 10,000.
const MOST_NODES: usize = 200_000;

/// Reads a document into its type. Structure is checked first, against the type's JSON schema, so that all mistakes
/// are found and not only the first.
pub fn read<T>(sources: &mut Sources, name: &str, text: &str) -> Result<T, Vec<Diagnostic>>
where
    T: de::DeserializeOwned + schemars::JsonSchema,
{
    let source = sources.add(name, text);
    let tree = parse(text, source)?;
    super::reader::read_checked(&tree)
}

/// Keys at the top of a document that begin so are the author's own: a place for anchors, as other formats have one too.
const OWN_KEY: &str = "x-";

/// Reads text into a tree, without the author's own keys (`x-…`). `source` is the file's number in [`Sources`]. The
/// error is all that the text alone has wrong.
pub fn parse(text: &str, source: u32) -> Result<Node, Vec<Diagnostic>> {
    let mut tree = parse_merged(text, source, MergeKeyPolicy::Merge)
        .map_err(|mistake| vec![super::blanks::in_indentation(text, source).unwrap_or(mistake)])?;
    let mut found = Vec::new();
    super::blanks::in_words(&tree, text, &mut found);
    nul_characters(&tree, &mut found);
    if text.matches("<<").count() > 1 {
        // The crate takes the first of two merges and says nothing. As ordinary keys they can be counted.
        let unmerged = parse_merged(text, source, MergeKeyPolicy::AsOrdinary).map_err(|mistake| vec![mistake])?;
        merged_twice(&unmerged, &mut found);
    }
    if !found.is_empty() {
        return Err(found);
    }
    if let Content::Map(entries) = &mut tree.content {
        entries.retain(|(key, _)| !key.text.starts_with(OWN_KEY));
    }
    Ok(tree)
}

/// A NUL ends a text for every program, file name and environment: what is behind it would be lost.
fn nul_characters(node: &Node, found: &mut Vec<Diagnostic>) {
    match &node.content {
        Content::Scalar { text, .. } if text.contains('\0') => {
            found.push(Diagnostic::error("a value cannot hold a NUL character").at(node.span, "`\\0` stands in it"));
        }
        Content::List(items) => items.iter().for_each(|item| nul_characters(item, found)),
        Content::Map(entries) => entries.iter().for_each(|(_, value)| nul_characters(value, found)),
        Content::Null | Content::Scalar { .. } => {}
    }
}

fn merged_twice(node: &Node, found: &mut Vec<Diagnostic>) {
    match &node.content {
        Content::List(items) => items.iter().for_each(|item| merged_twice(item, found)),
        Content::Map(entries) => {
            if let Some((second, _)) = entries.iter().filter(|(key, _)| key.text == "<<").nth(1) {
                let mistake = Diagnostic::error("the key `<<` stands here twice")
                    .at(second.span, "one of the two would be lost")
                    .help("merge several mappings with a list, the first wins: `<<: [*a, *b]`");
                // What an alias stands for is told once.
                if !found.contains(&mistake) {
                    found.push(mistake);
                }
            }
            for (_, value) in entries {
                merged_twice(value, found);
            }
        }
        Content::Null | Content::Scalar { .. } => {}
    }
}

fn parse_merged(text: &str, source: u32, merge_keys: MergeKeyPolicy) -> Result<Node, Diagnostic> {
    if text.len() > LONGEST_FILE {
        let place = Span { source, start: 0, end: 0 };
        return Err(Diagnostic::error("this file is larger than 1 MiB").at(place, "not read"));
    }
    let options = serde_saphyr::options! {
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        merge_keys: merge_keys,
        strict_booleans: true,
        with_snippet: false,
        leading_zero_numbers_as_strings: true,
        budget: serde_saphyr::budget! {
            max_depth: DEEPEST,
            max_nodes: MOST_NODES,
            max_events: 4 * MOST_NODES,
            flow_nesting_limit: DEEPEST,
            max_aliases: 10_000,
            max_anchors: 1_000,
            max_total_scalar_bytes: 8 * LONGEST_FILE,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: 4 * MOST_NODES,
        },
    };
    let raw: Spanned<Raw> =
        serde_saphyr::from_str_with_options(text, options).map_err(|mistake| explain(&mistake, text, source))?;
    let mut nodes_left = MOST_NODES;
    let place = Place { text, source };
    place.node(raw, &mut nodes_left).ok_or_else(|| {
        Diagnostic::error(format!("this file has more than {MOST_NODES} values once its aliases are written out"))
            .at(Span { source, start: 0, end: 0 }, "not read")
    })
}

/// A value as the YAML crate tells it. Which numbers and booleans it sees does not matter: their text is looked up.
enum Raw {
    Null,
    Typed,
    Text(String),
    List(Vec<Spanned<Raw>>),
    Map(Vec<(Spanned<Raw>, Spanned<Raw>)>),
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Raw;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("anything")
            }
            fn visit_bool<E>(self, _: bool) -> Result<Raw, E> {
                Ok(Raw::Typed)
            }
            fn visit_i64<E>(self, _: i64) -> Result<Raw, E> {
                Ok(Raw::Typed)
            }
            fn visit_u64<E>(self, _: u64) -> Result<Raw, E> {
                Ok(Raw::Typed)
            }
            fn visit_i128<E>(self, _: i128) -> Result<Raw, E> {
                Ok(Raw::Typed)
            }
            fn visit_u128<E>(self, _: u128) -> Result<Raw, E> {
                Ok(Raw::Typed)
            }
            fn visit_f64<E>(self, _: f64) -> Result<Raw, E> {
                Ok(Raw::Typed)
            }
            fn visit_str<E>(self, text: &str) -> Result<Raw, E> {
                Ok(Raw::Text(text.to_owned()))
            }
            fn visit_string<E>(self, text: String) -> Result<Raw, E> {
                Ok(Raw::Text(text))
            }
            fn visit_unit<E>(self) -> Result<Raw, E> {
                Ok(Raw::Null)
            }
            fn visit_none<E>(self) -> Result<Raw, E> {
                Ok(Raw::Null)
            }
            fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Raw, D::Error> {
                Raw::deserialize(deserializer)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Raw, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = list.next_element()? {
                    items.push(item);
                }
                Ok(Raw::List(items))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Raw, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Raw::Map(entries))
            }
        }
        deserializer.deserialize_any(Any)
    }
}

/// The text that places refer to.
#[derive(Clone, Copy)]
struct Place<'a> {
    text: &'a str,
    source: u32,
}

impl Place<'_> {
    /// `None` when there are too many nodes.
    fn node(self, raw: Spanned<Raw>, nodes_left: &mut usize) -> Option<Node> {
        *nodes_left = nodes_left.checked_sub(1)?;
        let mut span = span_of(raw.defined, self.text, self.source);
        let slice = self.text.get(span.start as usize..span.end as usize).unwrap_or("");
        let content = match raw.value {
            Raw::Null => Content::Null,
            Raw::Typed => Content::Scalar { text: slice.trim().to_owned(), quoted: false },
            Raw::Text(text) => {
                let quoted = slice.starts_with(['"', '\'', '|', '>']);
                Content::Scalar { text, quoted }
            }
            Raw::List(items) => {
                let items = items.into_iter().map(|item| self.node(item, nodes_left)).collect::<Option<Vec<_>>>()?;
                span.end = span.end.max(items.last().map_or(0, |last| last.span.end));
                Content::List(items)
            }
            Raw::Map(entries) => {
                let entries = entries
                    .into_iter()
                    .map(|(key, value)| Some((self.key(key), self.node(value, nodes_left)?)))
                    .collect::<Option<Vec<_>>>()?;
                span.start = span.start.min(entries.first().map_or(span.start, |(first, _)| first.span.start));
                span.end = span.end.max(entries.last().map_or(0, |(_, last)| last.span.end));
                Content::Map(entries)
            }
        };
        Some(Node { span, content })
    }

    fn key(self, raw: Spanned<Raw>) -> Key {
        let span = span_of(raw.defined, self.text, self.source);
        let slice = self.text.get(span.start as usize..span.end as usize).unwrap_or("");
        let text = match raw.value {
            Raw::Text(text) => text,
            // Keys such as `80` or `true`; lists and mappings as keys read as their own text, which no key is called.
            Raw::Null | Raw::Typed | Raw::List(_) | Raw::Map(_) => slice.trim().to_owned(),
        };
        Key { text, span }
    }
}

fn span_of(location: Location, text: &str, source: u32) -> Span {
    let span = location.span();
    let (Some(start), Some(length)) = (span.byte_offset(), span.byte_len()) else {
        return Span { source, start: 0, end: 0 };
    };
    let clamp = |offset: u64| {
        let mut offset = usize::try_from(offset).unwrap_or(usize::MAX).min(text.len());
        while !text.is_char_boundary(offset) {
            offset -= 1;
        }
        u32::try_from(offset).expect("longer files were refused")
    };
    Span { source, start: clamp(start), end: clamp(start.saturating_add(length)) }
}

/// Says a mistake of the YAML itself in our words.
fn explain(mistake: &Error, text: &str, source: u32) -> Diagnostic {
    let mistake = mistake.without_snippet();
    let span =
        mistake.location().map_or(Span { source, start: 0, end: 0 }, |location| line_span(location, text, source));
    explain_at(mistake, span)
}

/// Mistakes carry line and column, not always bytes.
fn line_span(location: Location, text: &str, source: u32) -> Span {
    let line = usize::try_from(location.line()).unwrap_or(usize::MAX).saturating_sub(1);
    let column = usize::try_from(location.column()).unwrap_or(usize::MAX).saturating_sub(1);
    let line_start: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
    let rest = text.get(line_start..).unwrap_or("").lines().next().unwrap_or("");
    let in_line: usize = rest.chars().take(column).map(char::len_utf8).sum();
    let start = u32::try_from(line_start + in_line).unwrap_or(0);
    Span { source, start, end: start + rest[in_line..].chars().next().map_or(0, char::len_utf8) as u32 }
}

fn explain_at(mistake: &Error, span: Span) -> Diagnostic {
    match mistake {
        Error::AliasError { error, .. } => explain_at(error.without_snippet(), span),
        Error::MultipleDocuments { .. } => Diagnostic::error("a file holds one document")
            .at(span, "a second one begins here")
            .help("put it into a file of its own"),
        Error::UnknownAnchor { .. } => Diagnostic::error("no anchor of this name stands above")
            .at(span, "unknown alias")
            .help("define it first, for example `&name {…}`"),
        Error::Budget { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. } => {
            Diagnostic::error("this file is too large or too deeply nested")
                .at(span, "reading stopped here")
                .help(format!("at most {DEEPEST} levels and {MOST_NODES} values, aliases written out"))
        }
        Error::RecursiveReferencesRequireWeakTypes { .. } => {
            Diagnostic::error("an alias cannot stand inside the value that it names").at(span, "refers to itself")
        }
        Error::MergeValueNotMapOrSeqOfMaps { .. } => Diagnostic::error("`<<` takes a mapping or a list of mappings")
            .at(span, "cannot be merged")
            .help("for example `<<: *defaults`"),
        other => {
            let said = sentence(other);
            if said.contains("recursion limit") {
                return too_large(span);
            }
            let mistake = Diagnostic::error(format!("this is not YAML: {said}")).at(span, "");
            if said.contains("tab") { mistake.help("indent with blanks: YAML takes no tabs") } else { mistake }
        }
    }
}

fn too_large(span: Span) -> Diagnostic {
    Diagnostic::error("this file is too large or too deeply nested")
        .at(span, "reading stopped here")
        .help(format!("at most {DEEPEST} levels and {MOST_NODES} values, aliases written out"))
}

/// The crate's own words, without the position that it appends.
fn sentence(mistake: &Error) -> String {
    let whole = mistake.to_string();
    let first = whole.lines().next().unwrap_or_default();
    let end = first.find(" at line ").unwrap_or(first.len());
    first[..end].trim_end_matches(['.', ',', ' ']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Sp;
    use crate::text::units::Time;

    #[derive(Debug, serde::Deserialize, schemars::JsonSchema)]
    #[serde(deny_unknown_fields)]
    struct Document {
        name: Sp<String>,
        #[serde(default)]
        wait: Option<Sp<Time>>,
        #[serde(default)]
        flags: Vec<Sp<bool>>,
        #[serde(default)]
        inject: Option<Sp<Inject>>,
    }

    #[derive(Debug, serde::Deserialize, schemars::JsonSchema)]
    #[serde(rename_all = "snake_case")]
    enum Inject {
        Kill(Kill),
        Heal,
    }

    #[derive(Debug, serde::Deserialize, schemars::JsonSchema)]
    #[serde(deny_unknown_fields)]
    struct Kill {
        targets: Sp<crate::topology::Targets>,
    }

    fn read_document(text: &str) -> Result<(Sources, Document), String> {
        let mut sources = Sources::new();
        match read(&mut sources, "test.yaml", text) {
            Ok(document) => Ok((sources, document)),
            Err(mistakes) => Err(sources.render_all(&mistakes, false)),
        }
    }

    #[test]
    fn values_know_their_places() {
        let text = "name: 1.10\nwait: 10s\nflags: [true, false]\ninject: {kill: {targets: [a, {random: 2}]}}\n";
        let (sources, document) = read_document(text).unwrap();
        assert_eq!(document.name.value, "1.10");
        assert_eq!(sources.slice(document.name.span), "1.10");
        assert_eq!(sources.slice(document.wait.unwrap().span), "10s");
        assert_eq!(sources.slice(document.flags[1].span), "false");
        let inject = document.inject.unwrap();
        assert!(sources.slice(inject.span).starts_with("{kill"), "{}", sources.slice(inject.span));
        let Inject::Kill(kill) = inject.value else { panic!() };
        let crate::topology::Targets::List(items) = kill.targets.value else { panic!() };
        assert_eq!(sources.slice(items[0].span), "a");
        assert_eq!(sources.position(items[0].span).unwrap().column, 27);
    }

    #[test]
    fn anchors_and_merge_keys_work() {
        let text = "name: &n x\nflags: [true]\ninject: &i {kill: {targets: *n}}\n";
        let (_, document) = read_document(text).unwrap();
        assert!(document.inject.is_some());
        let tree =
            parse("a: &d {x: 1, y: 2}\nb: {<<: *d, y: 3}\nc: [&e 1, *e]\nd: &q \"010\"\ne: !!str 5\n", 1).unwrap();
        assert_eq!(tree.get("b").unwrap().get("x").unwrap().text(), Some("1"));
        assert_eq!(tree.get("b").unwrap().get("y").unwrap().text(), Some("3"));
        assert_eq!(tree.get("d").unwrap().content, Content::Scalar { text: "010".to_owned(), quoted: true });
    }

    #[test]
    fn keys_of_the_author_hold_anchors() {
        let (_, document) = read_document("x-flags: &f [true]\nname: x\nflags: *f\nx-more: {a: 1}\n").unwrap();
        assert!(document.flags[0].value);
        let message = read_document("name: x\ninject: {kill: {targets: a, x-note: 1}}\n").unwrap_err();
        assert!(message.contains("unknown key `x-note`"), "only at the top: {message}");
    }

    #[test]
    fn two_merges_are_one_key_twice() {
        let message = read_document("x-a: &a {}\nx-b: &b {}\nname: x\ninject: {<<: *a, <<: *b}\n").unwrap_err();
        assert!(message.contains("`<<` stands here twice") && message.contains("<<: [*a, *b]"), "{message}");
        parse("a: &a {x: 1}\nb: {<<: *a}\nc: {<<: [*a, *a]}\nd: \"<< <<\"\n", 1).unwrap();
    }

    #[test]
    fn blanks_that_are_none_are_named_with_their_place() {
        for (text, place, name) in [
            ("name: x\ninject:\n\u{a0}\u{a0}kill: {targets: a}\n", "test.yaml:3:1", "U+00A0"),
            ("name: refer\u{200b}ence\n", "test.yaml:1:12", "U+200B"),
            ("na\u{2060}me: x\n", "test.yaml:1:3", "U+2060"),
        ] {
            let message = read_document(text).unwrap_err();
            assert!(message.contains(place) && message.contains(name), "{message}");
        }
        read_document("\u{feff}name: \"a\u{a0}b\" # a comment\u{200b}\n").unwrap();
    }

    #[test]
    fn parameters_arrive_as_they_were_written() {
        use serde_json::json;
        let read = |text: &str| {
            let mut sources = Sources::new();
            read::<Vec<serde_json::Value>>(&mut sources, "test.yaml", text)
                .map_err(|mistakes| sources.render_all(&mistakes, false))
        };
        let text =
            "[0x1a, 0x00000000219ab540356cBB839Cbe05303d7705Fa, 18446744073709551615, -5, 1.10, 1e3, 007, \"1\"]";
        let address = "0x00000000219ab540356cBB839Cbe05303d7705Fa";
        let wanted = [json!("0x1a"), json!(address), json!(u64::MAX), json!(-5), json!(1.1), json!(1e3), json!("007")];
        assert_eq!(read(text).unwrap()[..7], wanted);
        for lost in ["18446744073709551616", "1000000000000000000000000", "-9223372036854775809", "0.12345678901234567"]
        {
            let message = read(&format!("[1, {{a: {lost}}}]")).unwrap_err();
            assert!(message.contains("would arrive as another one") && message.contains("quote it"), "{message}");
        }
    }

    #[test]
    fn all_mistakes_are_found_at_once() {
        let text =
            "nam: x\nwait: 10 parsecs\nflags: [yes, 1, \"true\"]\nwait: 5\ninject:\n  kil: {}\n  kill:\n    flags: a\n";
        let message = read_document(text).unwrap_err();
        assert_eq!(message.matches("error: ").count(), 10, "{message}");
    }

    #[test]
    fn the_traps_of_older_yaml_are_words() {
        for word in ["no", "on", "yes", "0755", "1_000", "12:30:45", "0x", "~x", "1e", ".", "+1.", "1.10"] {
            let (_, document) = read_document(&format!("name: {word}\n")).unwrap();
            assert_eq!(document.name.value, word);
        }
        assert!(read_document("name: x\nflags: [on]\n").is_err());
        assert!(read_document("name:\n").is_err());
        assert!(read_document("name: ~\n").is_err());
    }

    #[test]
    fn hostile_sizes_are_refused() {
        let deep = "[".repeat(100_000);
        let dashes = "- ".repeat(100_000);
        let long = format!("name: {}", "x".repeat(2 << 20));
        for text in [deep, dashes, long] {
            assert!(read_document(&text).is_err());
        }
    }

    #[test]
    fn carriage_returns_and_byte_order_marks_do_not_move_places() {
        let text = "\u{feff}name: x\r\nwait: 10 parsecs\r\n";
        let message = read_document(text).unwrap_err();
        assert!(message.contains("test.yaml:2:7"), "{message}");
    }
}
