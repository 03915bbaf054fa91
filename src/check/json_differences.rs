//! Where JSON answers of several nodes differ, by pointer (RFC 6901).

use std::collections::BTreeSet;

use serde_json::Value;

/// Longest value that is written out.
const LONGEST: usize = 70;

/// One place at which answers differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Difference {
    /// Where; empty is the whole answer.
    pub(super) pointer: String,
    /// What stands there, for people, and at which nodes; what most nodes say comes first.
    pub(super) sides: Vec<(String, Vec<usize>)>,
}

impl Difference {
    /// The nodes that do not say what most say.
    pub(super) fn minority(&self) -> Vec<usize> {
        let mut nodes: Vec<usize> = self.sides.iter().skip(1).flat_map(|(_, nodes)| nodes.iter().copied()).collect();
        nodes.sort_unstable();
        nodes
    }
}

/// All differences between answers, but for those below `ignore`. A value that is absent is `None`.
pub(super) fn differences(answers: &[(usize, Option<&Value>)], ignore: &[String]) -> Vec<Difference> {
    let mut found = Vec::new();
    walk(String::new(), answers, ignore, &mut found);
    found
}

fn walk(pointer: String, values: &[(usize, Option<&Value>)], ignore: &[String], found: &mut Vec<Difference>) {
    let Some((_, first)) = values.first() else { return };
    if values.iter().all(|(_, value)| value == first) || ignore.iter().any(|pattern| matches(pattern, &pointer)) {
        return;
    }
    let objects: Vec<_> = values.iter().filter_map(|(node, value)| Some((*node, (*value)?.as_object()?))).collect();
    if objects.len() == values.len() {
        let keys: BTreeSet<&String> = objects.iter().flat_map(|(_, object)| object.keys()).collect();
        for key in keys {
            let below: Vec<_> = objects.iter().map(|(node, object)| (*node, object.get(key))).collect();
            walk(format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1")), &below, ignore, found);
        }
        return;
    }
    let arrays: Vec<_> = values.iter().filter_map(|(node, value)| Some((*node, (*value)?.as_array()?))).collect();
    let length = arrays.first().map_or(0, |(_, array)| array.len());
    let same_length = arrays.len() == values.len() && arrays.iter().all(|(_, array)| array.len() == length);
    if same_length {
        for position in 0..length {
            let below: Vec<_> = arrays.iter().map(|(node, array)| (*node, array.get(position))).collect();
            walk(format!("{pointer}/{position}"), &below, ignore, found);
        }
        return;
    }
    let mut sides: Vec<(Option<&Value>, Vec<usize>)> = Vec::new();
    for (node, value) in values {
        match sides.iter_mut().find(|(known, _)| known == value) {
            Some((_, nodes)) => nodes.push(*node),
            None => sides.push((*value, vec![*node])),
        }
    }
    sides.sort_by_key(|(_, nodes)| std::cmp::Reverse(nodes.len()));
    let sides = sides.into_iter().map(|(value, nodes)| (value.map_or("absent".to_owned(), shown), nodes)).collect();
    found.push(Difference { pointer, sides });
}

/// Whether a pattern means a pointer: step by step, `*` is any step, and at the end all below (and the place itself, for
/// lists of different lengths).
pub(super) fn matches(pattern: &str, pointer: &str) -> bool {
    let (pattern, pointer): (Vec<&str>, Vec<&str>) = (pattern.split('/').collect(), pointer.split('/').collect());
    for (index, step) in pattern.iter().enumerate() {
        let last = index + 1 == pattern.len();
        if *step == "*" && last {
            return true;
        }
        match pointer.get(index) {
            Some(there) if step == there || *step == "*" => {}
            _ => return false,
        }
    }
    pattern.len() == pointer.len()
}

/// A value for people, cut when it is long: texts without quotes where nothing can be mistaken.
pub(super) fn shown(value: &Value) -> String {
    let text = match value {
        Value::String(text) if !text.is_empty() && !text.contains([' ', ',', '"']) => text.clone(),
        Value::Array(items) if items.len() > 3 => format!("a list of {}", items.len()),
        other => other.to_string(),
    };
    if text.chars().count() <= LONGEST {
        return text;
    }
    format!("{}…", text.chars().take(LONGEST - 1).collect::<String>())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn found(answers: &[Value], ignore: &[&str]) -> Vec<String> {
        let answers: Vec<_> = answers.iter().map(Some).enumerate().collect();
        let ignore: Vec<String> = ignore.iter().map(ToString::to_string).collect();
        let lines = differences(&answers, &ignore).into_iter();
        lines.map(|difference| format!("{} {:?}", difference.pointer, difference.sides)).collect()
    }

    #[test]
    fn differences_stand_at_the_lowest_place_and_most_come_first() {
        let a = json!({"gas": "0x1", "logs": [{"x": 1}, {"x": 2}], "same": {"deep": [1, 2]}});
        let b = json!({"gas": "0x2", "logs": [{"x": 1}, {"x": 3}], "same": {"deep": [1, 2]}, "more": null});
        assert_eq!(
            found(&[a, b.clone(), b], &[]),
            [
                r#"/gas [("0x2", [1, 2]), ("0x1", [0])]"#,
                r#"/logs/1/x [("3", [1, 2]), ("2", [0])]"#,
                r#"/more [("null", [1, 2]), ("absent", [0])]"#,
            ]
        );
    }

    #[test]
    fn lists_of_different_lengths_differ_as_a_whole() {
        assert_eq!(found(&[json!([1, 2]), json!([1])], &[]), [r#" [("[1,2]", [0]), ("[1]", [1])]"#]);
        assert!(found(&[json!({"logs": [1, 2]}), json!({"logs": [1]})], &["/logs/*"]).is_empty());
    }

    #[test]
    fn patterns_mean_places() {
        assert!(matches("/size", "/size") && !matches("/size", "/sizes") && !matches("/size", "/size/a"));
        assert!(matches("/logs/*", "/logs/3/address") && matches("/logs/*", "/logs"));
        assert!(matches("/*/miner", "/4/miner") && !matches("/*/miner", "/4/5/miner"));
        assert!(matches("*", "") && matches("/*", "/a/b") && matches("", ""));
    }

    #[test]
    fn keys_are_escaped_as_pointers_want_it() {
        assert_eq!(found(&[json!({"a/b~": 1}), json!({"a/b~": 2})], &[]), [r#"/a~1b~0 [("1", [0]), ("2", [1])]"#]);
    }
}
