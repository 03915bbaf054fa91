//! JSON schemas for editors, made from the same types that read the files.

use serde_json::json;

use super::document::ScenarioDocument;
use super::library::FileKind;
use crate::client::Manifest;
use crate::text::schema::DocumentSchema;
use crate::topology::TopologyDocument;

/// The JSON schema of a kind of file, as text that ends with a newline.
pub fn schema(kind: FileKind) -> String {
    let schema = match kind {
        FileKind::Scenario => DocumentSchema::of::<ScenarioDocument>(),
        FileKind::Topology => DocumentSchema::of::<TopologyDocument>(),
        FileKind::Client => DocumentSchema::of::<Manifest>(),
    };
    let mut schema = schema.value().clone();
    // Our own reader takes these keys away before it looks at the schema; editors must be told.
    schema["patternProperties"] = json!({"^x-": {"description": "Your own: a place for anchors. Nothing reads it."}});
    let mut text = serde_json::to_string_pretty(&schema).expect("a schema is plain JSON");
    text.push('\n');
    text
}
