//! Looking things up in a JSON schema: references, alternatives, words for messages.
//!
//! Extensions that our document types may set with `#[schemars(extend("x-…" = …))]`:
//! * `x-later` on a mapping or an enum: a list of known words that are not built yet, refused as such;
//! * `deprecated: true` on what stands under a word: the same for that word;
//! * `x-expects` on anything: how a person would call the value, for "expected …, found …".

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::suggest::list;
use super::units::{Rate, Share, Size, Time};

/// References are followed at most this deep; our types never come near.
const MOST_REFERENCES: usize = 32;

/// A schema with its `$defs`.
#[derive(Clone, Debug)]
pub struct DocumentSchema {
    root: Value,
}

/// One word of an enum whose variants carry parameters: `{word: parameters}`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tag<'a> {
    /// Schema of the parameters.
    pub(super) parameters: &'a Value,
}

/// The alternatives of a value, sorted by what they look like.
#[derive(Debug, Default)]
pub(super) struct Alternatives<'a> {
    /// Whether nothing (`~`, an empty value) will do.
    pub(super) null: bool,
    /// Words that may stand alone.
    pub(super) words: Vec<&'a str>,
    /// Words with parameters.
    pub(super) tags: BTreeMap<&'a str, Tag<'a>>,
    /// Words with parameters, in the order of the schema.
    pub(super) tag_order: Vec<&'a str>,
    /// Other scalars.
    pub(super) scalars: Vec<&'a Value>,
    /// Lists.
    pub(super) lists: Vec<&'a Value>,
    /// Mappings that are no tags.
    pub(super) maps: Vec<&'a Value>,
    /// Whether anything will do.
    pub(super) anything: bool,
    /// Known words that are not built yet.
    pub(super) later: Vec<&'a str>,
    /// How a person would call the value.
    pub(super) expects: Option<&'a str>,
}

impl DocumentSchema {
    /// The schema of a type.
    pub fn of<T: schemars::JsonSchema>() -> Self {
        let schema = schemars::SchemaGenerator::default().into_root_schema_for::<T>();
        Self { root: schema.to_value() }
    }

    /// The schema as JSON.
    pub fn value(&self) -> &Value {
        &self.root
    }

    /// Follows `$ref`.
    fn resolve<'a>(&'a self, mut schema: &'a Value) -> &'a Value {
        for _ in 0..MOST_REFERENCES {
            let Some(reference) = schema.get("$ref").and_then(Value::as_str) else { return schema };
            let Some(target) = reference.strip_prefix('#').and_then(|pointer| self.root.pointer(pointer)) else {
                return &Value::Bool(true);
            };
            schema = target;
        }
        &Value::Bool(true)
    }

    /// Sorts the alternatives of a schema.
    pub(super) fn alternatives<'a>(&'a self, schema: &'a Value) -> Alternatives<'a> {
        let mut found = Alternatives::default();
        self.collect(schema, &mut found, 0);
        found
    }

    /// Whether what stands under a word says that the word is not built yet.
    pub(super) fn is_later(&self, schema: &Value) -> bool {
        let marked = |schema: &Value| self.resolve(schema).get("deprecated") == Some(&Value::Bool(true));
        let branches = self.resolve(schema).get("anyOf").and_then(Value::as_array);
        marked(schema) || branches.is_some_and(|branches| branches.iter().any(marked))
    }

    fn collect<'a>(&'a self, schema: &'a Value, found: &mut Alternatives<'a>, depth: usize) {
        if found.expects.is_none() {
            found.expects = schema.get("x-expects").and_then(Value::as_str);
        }
        // schemars writes the variants of an enum in place, and structs by reference.
        let may_be_variant = depth > 0 && schema.get("$ref").is_none();
        let schema = self.resolve(schema);
        let Some(object) = schema.as_object() else {
            found.anything |= schema.as_bool() != Some(false);
            return;
        };
        if found.expects.is_none() {
            found.expects = object.get("x-expects").and_then(Value::as_str);
        }
        let branches = object.get("anyOf").or_else(|| object.get("oneOf")).and_then(Value::as_array);
        if let Some(branches) = branches.filter(|_| depth < MOST_REFERENCES) {
            found.later.extend(later_words(object));
            for branch in branches {
                self.collect(branch, found, depth + 1);
            }
            return;
        }
        if let Some(word) = object.get("const") {
            match word {
                Value::Null => found.null = true,
                Value::String(word) => found.words.push(word),
                _ => found.scalars.push(schema),
            }
            return;
        }
        if let Some(words) = object.get("enum").and_then(Value::as_array) {
            found.null |= words.contains(&Value::Null);
            found.words.extend(words.iter().filter_map(Value::as_str));
            found.later.extend(later_words(object));
            return;
        }
        let types = types_of(object);
        if types.is_empty() {
            found.anything = true;
        }
        for kind in types {
            match kind {
                "null" => found.null = true,
                "array" => found.lists.push(schema),
                "object" => match single_tag(object).filter(|_| may_be_variant) {
                    Some((word, parameters)) if self.is_later(parameters) => found.later.push(word),
                    Some((word, parameters)) => {
                        if found.tags.insert(word, Tag { parameters }).is_none() {
                            found.tag_order.push(word);
                        }
                    }
                    None => found.maps.push(schema),
                },
                _ if found.scalars.iter().any(|known| std::ptr::eq(*known, schema)) => {}
                _ => found.scalars.push(schema),
            }
        }
    }
}

fn later_words(object: &Map<String, Value>) -> impl Iterator<Item = &str> {
    object.get("x-later").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

/// Known keys of a mapping that are not built yet.
pub(super) fn later_keys(schema: &Value) -> Vec<&str> {
    schema.as_object().into_iter().flat_map(later_words).collect()
}

/// The `type` of a schema: one or several, guessed from its keys when it says none.
pub(super) fn types_of(object: &Map<String, Value>) -> Vec<&str> {
    match object.get("type") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
        _ if object.contains_key("properties") || object.contains_key("additionalProperties") => vec!["object"],
        _ if object.contains_key("items") || object.contains_key("prefixItems") => vec!["array"],
        _ => Vec::new(),
    }
}

/// A mapping with one key, required, and no other: a variant of an externally tagged enum.
fn single_tag(object: &Map<String, Value>) -> Option<(&str, &Value)> {
    let properties = object.get("properties")?.as_object()?;
    let required = object.get("required")?.as_array()?;
    let closed = object.get("additionalProperties") == Some(&Value::Bool(false));
    if !closed || properties.len() != 1 || required.len() != 1 {
        return None;
    }
    let (word, parameters) = properties.iter().next()?;
    (required[0].as_str() == Some(word)).then_some((word.as_str(), parameters))
}

impl Alternatives<'_> {
    /// Everything that a person may write here, for "expected …".
    pub(super) fn describe(&self) -> String {
        if let Some(expects) = self.expects {
            return expects.to_owned();
        }
        let mut parts: Vec<String> = Vec::new();
        let words: Vec<&str> = self.words.iter().chain(&self.tag_order).copied().collect();
        match words.len() {
            0 => {}
            1..=12 => parts.push(match words.as_slice() {
                [one] => format!("`{one}`"),
                _ => format!("one of {}", list(&words).replace(" and ", " or ")),
            }),
            _ => parts.push(format!(
                "one of {}, …",
                words[..10].iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
            )),
        }
        for scalar in &self.scalars {
            let part = describe_scalar(scalar);
            if !parts.contains(&part) {
                parts.push(part);
            }
        }
        if !self.lists.is_empty() {
            parts.push("a list".to_owned());
        }
        if !self.maps.is_empty() {
            parts.push("a mapping".to_owned());
        }
        match parts.as_slice() {
            [] => "nothing".to_owned(),
            [one] => one.clone(),
            [first @ .., last] => format!("{} or {last}", first.join(", ")),
        }
    }
}

/// What a person would call a scalar of this schema.
pub(super) fn describe_scalar(schema: &Value) -> String {
    if let Some(expects) = schema.get("x-expects").and_then(Value::as_str) {
        return expects.to_owned();
    }
    let format = schema.get("format").and_then(Value::as_str).unwrap_or_default();
    if [Time::FORMAT, Rate::FORMAT, Size::FORMAT, Share::FORMAT].contains(&format) {
        return match format {
            Time::FORMAT => "a duration such as `10s`",
            Rate::FORMAT => "a data rate such as `10mbit`",
            Size::FORMAT => "a size such as `64kib`",
            _ => "a share such as `1%`",
        }
        .to_owned();
    }
    let types = schema.as_object().map(types_of).unwrap_or_default();
    if types.contains(&"string") {
        "text"
    } else if types.contains(&"number") {
        "a number"
    } else if types.contains(&"integer") {
        "a whole number"
    } else if types.contains(&"boolean") {
        "`true` or `false`"
    } else {
        "a value"
    }
    .to_owned()
}
