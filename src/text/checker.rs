//! Structural checking: a tree against the JSON schema of its type, every mistake at once and each at its place.
//!
//! The schema comes from the same types that serde reads, so the two cannot drift apart. What passes here is read by
//! [`super::reader`], which would stop at its first mistake.

use serde_json::Value;

use super::checker_scalar::check_scalar;
use super::schema::{Alternatives, DocumentSchema, later_keys};
use super::suggest::{self, list};
use super::tree::{Content, Key, Node, Plain};
use super::{Diagnostic, Span};

/// Most messages about one file: whoever has more than that hears the first ones first.
const MOST_MESSAGES: usize = 100;

/// All structural mistakes of a tree.
pub fn check(tree: &Node, schema: &DocumentSchema) -> Vec<Diagnostic> {
    check_part(tree, schema, schema.value())
}

/// All structural mistakes of a tree against a part of a schema.
fn check_part(tree: &Node, schema: &DocumentSchema, part: &Value) -> Vec<Diagnostic> {
    let mut walk = Walk { schema, found: Vec::new(), outer_keys: Vec::new() };
    walk.value(tree, part, tree.span);
    walk.found.truncate(MOST_MESSAGES);
    walk.found
}

struct Walk<'a> {
    schema: &'a DocumentSchema,
    found: Vec<Diagnostic>,
    /// Keys that the mappings further out know, for keys that are indented too far.
    outer_keys: Vec<Vec<&'a str>>,
}

impl<'a> Walk<'a> {
    /// `owner` is the key or place that introduces the value: what is said about a missing value points there.
    fn value(&mut self, node: &Node, schema: &'a Value, owner: Span) {
        let alternatives = self.schema.alternatives(schema);
        if alternatives.anything {
            self.anything(node);
            return;
        }
        match &node.content {
            Content::Null if alternatives.null => {}
            Content::Null => self.nothing(&alternatives, owner),
            Content::Scalar { text, quoted } => self.scalar(node, text, *quoted, &alternatives),
            Content::List(items) => self.list(node, items, &alternatives),
            Content::Map(entries) => self.map(node, entries, &alternatives, owner),
        }
    }

    fn nothing(&mut self, alternatives: &Alternatives<'a>, owner: Span) {
        self.found.push(
            Diagnostic::error(format!("expected {}, found nothing", alternatives.describe()))
                .at(owner, "nothing stands here"),
        );
    }

    fn wrong(&mut self, node: &Node, alternatives: &Alternatives<'a>) {
        self.found.push(
            Diagnostic::error(format!("expected {}, found {}", alternatives.describe(), node.describe()))
                .at(node.span, ""),
        );
    }

    fn scalar(&mut self, node: &Node, text: &str, quoted: bool, alternatives: &Alternatives<'a>) {
        if alternatives.words.contains(&text) {
            return;
        }
        if let Some(tag) = alternatives.tags.get(text) {
            // A word alone stands for the word with all its parameters left out.
            let empty = Node { span: node.span, content: Content::Map(Vec::new()) };
            self.value(&empty, tag.parameters, node.span);
            return;
        }
        if alternatives.later.contains(&text) {
            self.later(text, node.span);
            return;
        }
        let mut first_mistake = None;
        for scalar in &alternatives.scalars {
            match check_scalar(node.span, text, quoted, scalar) {
                Ok(()) => return,
                Err(mistake) => first_mistake = first_mistake.or(Some(mistake)),
            }
        }
        let words: Vec<&str> = alternatives.words.iter().chain(&alternatives.tag_order).copied().collect();
        if words.is_empty() {
            let has_format = alternatives.scalars.iter().any(|scalar| scalar.get("format").is_some());
            match first_mistake {
                Some(mistake) if alternatives.expects.is_none() || has_format => self.found.push(mistake),
                _ => self.wrong(node, alternatives),
            }
        } else {
            let mut mistake =
                Diagnostic::error(format!("expected {}, found {}", alternatives.describe(), node.describe()))
                    .at(node.span, "");
            if let Some(near) = suggest::did_you_mean(text, words) {
                mistake = mistake.help(format!("did you mean `{near}`?"));
            }
            self.found.push(mistake);
        }
    }

    fn later(&mut self, word: &str, span: Span) {
        self.found.push(
            Diagnostic::error(format!("`{word}` is a word of the language that is not built yet"))
                .at(span, "not yet")
                .help("leave it out for now"),
        );
    }

    fn list(&mut self, node: &Node, items: &[Node], alternatives: &Alternatives<'a>) {
        let Some(schema) = alternatives.lists.first() else {
            self.wrong(node, alternatives);
            if let ([only], false) = (items, alternatives.scalars.is_empty() && alternatives.words.is_empty()) {
                let help = format!("without the brackets: {}", only.describe());
                self.found.last_mut().expect("just pushed").help.push(help);
            }
            return;
        };
        let count = items.len() as u64;
        if let Some(least) = schema.get("minItems").and_then(Value::as_u64).filter(|least| count < *least) {
            let found = if count == 0 { "none".to_owned() } else { count.to_string() };
            self.found.push(
                Diagnostic::error(format!(
                    "expected at least {least} item{} in this list, found {found}",
                    plural(least)
                ))
                .at(node.span, ""),
            );
        }
        if let Some(most) = schema.get("maxItems").and_then(Value::as_u64).filter(|most| count > *most) {
            self.found.push(
                Diagnostic::error(format!("expected at most {most} item{} in this list, found {count}", plural(most)))
                    .at(node.span, ""),
            );
        }
        let fixed = schema.get("prefixItems").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        for (position, item) in items.iter().enumerate() {
            let part = fixed.get(position).or_else(|| schema.get("items"));
            match part {
                Some(part) => self.value(item, part, item.span),
                None => self.anything(item),
            }
        }
    }

    fn map(&mut self, node: &Node, entries: &[(Key, Node)], alternatives: &Alternatives<'a>, owner: Span) {
        self.duplicates(entries);
        if !alternatives.tags.is_empty() {
            let tagged = entries.iter().any(|(key, _)| {
                alternatives.tags.contains_key(key.text.as_str()) || alternatives.later.contains(&key.text.as_str())
            });
            if tagged || alternatives.maps.is_empty() {
                self.tagged(node, entries, alternatives, owner);
                return;
            }
        }
        match alternatives.maps.as_slice() {
            [] => {
                self.wrong(node, alternatives);
                if let [(only, _)] = entries
                    && alternatives.words.contains(&only.text.as_str())
                {
                    let help = format!("`{}` takes no parameters: it stands as a plain word", only.text);
                    self.found.last_mut().expect("just pushed").help.push(help);
                }
            }
            [schema] => self.entries(node, entries, schema, owner),
            several => {
                // The alternative with the fewest mistakes is the one that was meant.
                let mut best: Option<Vec<Diagnostic>> = None;
                for schema in several {
                    let mut trial =
                        Walk { schema: self.schema, found: Vec::new(), outer_keys: self.outer_keys.clone() };
                    trial.entries(node, entries, schema, owner);
                    if best.as_ref().is_none_or(|known| trial.found.len() < known.len()) {
                        best = Some(trial.found);
                    }
                }
                self.found.extend(best.unwrap_or_default());
            }
        }
    }

    /// `{word: parameters}`: exactly one of the known words.
    fn tagged(&mut self, node: &Node, entries: &[(Key, Node)], alternatives: &Alternatives<'a>, owner: Span) {
        let words: Vec<&str> = alternatives.words.iter().chain(&alternatives.tag_order).copied().collect();
        if entries.is_empty() {
            let place = if node.span.start == node.span.end { owner } else { node.span };
            self.found.push(
                Diagnostic::error(format!("expected {}, found an empty mapping", alternatives.describe()))
                    .at(place, "nothing stands here"),
            );
        }
        let mut known: Option<&Key> = None;
        for (key, value) in entries {
            let word = key.text.as_str();
            if let Some(tag) = alternatives.tags.get(word) {
                if let Some(first) = known.filter(|first| first.text != key.text) {
                    self.found.push(
                        Diagnostic::error(format!("`{}` and `{word}` cannot stand in one mapping", first.text))
                            .at(key.span, "one too many")
                            .at(first.span, "the first one")
                            .help("keep one of them; what else is wanted goes into an entry of its own"),
                    );
                }
                known = known.or(Some(key));
                self.outer_keys.push(words.clone());
                // `word:` with nothing behind it is the word with all its parameters left out.
                if value.content == Content::Null && !self.schema.alternatives(tag.parameters).null {
                    let empty = Node { span: key.span, content: Content::Map(Vec::new()) };
                    self.value(&empty, tag.parameters, key.span);
                } else {
                    self.value(value, tag.parameters, key.span);
                }
                self.outer_keys.pop();
            } else if alternatives.words.contains(&word) {
                let empty = matches!(&value.content, Content::Null)
                    || matches!(&value.content, Content::Map(inner) if inner.is_empty());
                if !empty {
                    self.found.push(
                        Diagnostic::error(format!("`{word}` takes no parameters"))
                            .at(value.span, "not wanted")
                            .help(format!("write `{word}` as a plain word")),
                    );
                }
                known = known.or(Some(key));
            } else if alternatives.later.contains(&word) {
                self.later(word, key.span);
                known = known.or(Some(key));
            } else {
                let _ = self.unknown_key(key, &words, "words");
            }
        }
    }

    /// An ordinary mapping.
    fn entries(&mut self, node: &Node, entries: &[(Key, Node)], schema: &'a Value, owner: Span) {
        let properties = schema.get("properties").and_then(Value::as_object);
        let names: Vec<&'a str> = properties
            .into_iter()
            .flatten()
            .filter(|(_, part)| !self.schema.is_later(part))
            .map(|(name, _)| name.as_str())
            .collect();
        let others = schema.get("additionalProperties");
        let mut later = false;
        // Keys that misspelt ones were meant to be: they are not missing as well.
        let mut meant: Vec<&str> = Vec::new();
        for (key, value) in entries {
            let part = properties.and_then(|known| known.get(&key.text));
            if part.is_some_and(|part| self.schema.is_later(part)) || later_keys(schema).contains(&key.text.as_str()) {
                later = true;
                self.later(&key.text, key.span);
            } else if let Some(part) = part {
                self.outer_keys.push(names.clone());
                self.value(value, part, key.span);
                self.outer_keys.pop();
            } else {
                match others {
                    Some(Value::Bool(false)) => meant.extend(self.unknown_key(key, &names, "keys")),
                    Some(part) => {
                        self.outer_keys.push(names.clone());
                        self.value(value, part, key.span);
                        self.outer_keys.pop();
                    }
                    None => self.anything(value),
                }
            }
        }
        let required = schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        let missing: Vec<&str> = required
            .filter(|name| !entries.iter().any(|(key, _)| key.text == *name) && !meant.contains(name))
            .collect();
        // A word that is not built yet would perhaps have stood in for what is missing.
        if !missing.is_empty() && !later {
            self.missing(node, &missing, properties, owner);
        }
        let least = schema.get("minProperties").and_then(Value::as_u64).unwrap_or(0);
        if missing.is_empty() && (entries.len() as u64) < least {
            let place = if entries.is_empty() { owner } else { node.span };
            self.found.push(
                Diagnostic::error(format!(
                    "expected at least {least} entr{} here",
                    if least == 1 { "y" } else { "ies" }
                ))
                .at(place, ""),
            );
        }
    }

    fn missing(
        &mut self,
        node: &Node,
        missing: &[&str],
        properties: Option<&'a serde_json::Map<String, Value>>,
        owner: Span,
    ) {
        let verb = if missing.len() == 1 { "is" } else { "are" };
        let keys = if missing.len() == 1 { "key" } else { "keys" };
        let place = if owner.source == 0 { node.span } else { owner };
        let mut mistake = Diagnostic::error(format!("the {keys} {} {verb} missing", list(missing)))
            .at(place, format!("needs {}", list(missing)));
        for name in missing {
            let description = properties
                .and_then(|known| known.get(*name))
                .and_then(|part| part.get("description"))
                .and_then(Value::as_str);
            if let Some(first_line) = description.and_then(|text| text.lines().next()) {
                mistake = mistake.help(format!("`{name}`: {}", first_line.trim_end_matches('.')));
            }
        }
        self.found.push(mistake);
    }

    /// Gives the key that was perhaps meant.
    fn unknown_key<'n>(&mut self, key: &Key, known: &[&'n str], what: &str) -> Option<&'n str> {
        let name = shortened(&key.text);
        let mut mistake = Diagnostic::error(format!("unknown {} `{name}`", what.trim_end_matches('s')))
            .at(key.span, format!("not a {} here", what.trim_end_matches('s')));
        let near = suggest::did_you_mean(&key.text, known.iter().copied());
        if let Some(near) = near {
            mistake = mistake.help(format!("did you mean `{near}`?"));
        } else if self.outer_keys.iter().any(|keys| keys.contains(&key.text.as_str())) {
            mistake = mistake.help(format!("`{name}` is known further out: is it indented too far?"));
        } else {
            mistake.help.extend(suggest::help(&key.text, known.iter().copied(), what));
        }
        self.found.push(mistake);
        near
    }

    fn duplicates(&mut self, entries: &[(Key, Node)]) {
        let mut seen: std::collections::BTreeMap<&str, Span> = std::collections::BTreeMap::new();
        for (key, _) in entries {
            if let Some(first) = seen.get(key.text.as_str()) {
                self.found.push(
                    Diagnostic::error(format!("the key `{}` stands here twice", shortened(&key.text)))
                        .at(key.span, "again here")
                        .at(*first, "first here")
                        .help("remove one of them"),
                );
            } else {
                seen.insert(&key.text, key.span);
            }
        }
    }

    /// Where the schema allows anything, a key must still not stand twice, and a number must arrive as it was written.
    fn anything(&mut self, node: &Node) {
        if let Content::Scalar { text, quoted: false } = &node.content
            && !is_exact(text)
        {
            self.found.push(
                Diagnostic::error(format!("the number `{}` would arrive as another one", shortened(text)))
                    .at(node.span, "does not fit into 64 bits")
                    .help(format!("quote it: \"{}\"", shortened(text))),
            );
        }
        match &node.content {
            Content::List(items) => {
                for item in items {
                    self.anything(item);
                }
            }
            Content::Map(entries) => {
                self.duplicates(entries);
                for (_, value) in entries {
                    self.anything(value);
                }
            }
            Content::Null | Content::Scalar { .. } => {}
        }
    }
}

/// Whether a plain scalar is the same number after it was read, or no number.
fn is_exact(text: &str) -> bool {
    /// So many significant digits survive in a float of 64 bits.
    const SIGNIFICANT: usize = 15;
    if !matches!(Plain::of(text), Plain::Float(_)) {
        return true;
    }
    let mantissa = text.split(['e', 'E']).next().unwrap_or(text).trim_start_matches(['-', '+']);
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    let is_whole = mantissa.len() == digits.len() && mantissa.len() == text.trim_start_matches(['-', '+']).len();
    !is_whole && digits.trim_matches('0').len() <= SIGNIFICANT
}

fn plural(count: u64) -> &'static str {
    if count == 1 { "" } else { "s" }
}

/// Keys of hostile files can be long.
fn shortened(text: &str) -> String {
    let mut short: String = text.chars().take(60).collect();
    if text.chars().count() > 60 {
        short.push('…');
    }
    short
}
