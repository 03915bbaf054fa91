//! The checked-in JSON schemas are what the code's own types say. Refresh them with
//! `SPLITBRAIN_REFRESH=1 cargo test --test schemas`.

use std::path::Path;

use splitbrain::spec::{FileKind, schema};

#[test]
fn checked_in_schemas_are_fresh() {
    let refresh = std::env::var_os("SPLITBRAIN_REFRESH").is_some();
    let mut stale = Vec::new();
    for kind in [FileKind::Scenario, FileKind::Topology, FileKind::Client] {
        let name = format!("schema/{}.json", kind.word());
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(&name);
        let fresh = schema(kind);
        if refresh {
            std::fs::write(&path, &fresh).expect("the schema can be written");
        } else if std::fs::read_to_string(&path).unwrap_or_default() != fresh {
            stale.push(name);
        }
    }
    assert!(
        stale.is_empty(),
        "stale: {}; refresh with `SPLITBRAIN_REFRESH=1 cargo test --test schemas` and look at the change",
        stale.join(", ")
    );
}

#[test]
fn schemas_are_json_and_every_key_is_described() {
    for kind in [FileKind::Scenario, FileKind::Topology, FileKind::Client] {
        let value: serde_json::Value = serde_json::from_str(&schema(kind)).expect("JSON");
        let mut nameless = Vec::new();
        undescribed(&value, kind.word(), &mut nameless);
        assert!(nameless.is_empty(), "keys without a doc comment: {nameless:#?}");
    }
}

/// Properties that editors could say nothing about.
fn undescribed(schema: &serde_json::Value, place: &str, found: &mut Vec<String>) {
    if let Some(properties) = schema.get("properties").and_then(|properties| properties.as_object()) {
        for (name, part) in properties {
            // Variants of enums are described at the variant.
            let described = part.get("description").is_some() || schema.get("description").is_some();
            if !described && part.get("$ref").is_none() {
                found.push(format!("{place}/{name}"));
            }
        }
    }
    match schema {
        serde_json::Value::Object(entries) => {
            for (key, part) in entries {
                undescribed(part, &format!("{place}/{key}"), found);
            }
        }
        serde_json::Value::Array(items) => {
            for (position, part) in items.iter().enumerate() {
                undescribed(part, &format!("{place}/{position}"), found);
            }
        }
        _ => {}
    }
}
