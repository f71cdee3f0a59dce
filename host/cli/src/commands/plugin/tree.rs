//! The text of a component's manifest, as a tree.

use std::fmt::Write;

use cantus_model::{AggregateType, Digest, Manifest, MessageKind};
use serde_json::Value;

use crate::render;

/// Renders the manifest and the imports of a component.
pub(super) fn component_text(manifest: &Manifest, digest: Digest, bytes: u64, imports: &[String]) -> String {
    let mut text = format!("{} {}\n", render::escaped(&manifest.name), manifest.version);
    let imports = if imports.is_empty() { "none".to_owned() } else { imports.join("\n             ") };
    let rows = [
        ("digest", digest.to_string()),
        ("size", render::bytes(bytes)),
        ("payloads", render::escaped(&manifest.payload_format)),
        ("imports", imports),
    ];
    for (name, value) in rows {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  {name:<10} {value}");
    }
    for kind in &manifest.aggregates {
        text.push('\n');
        text.push_str(&aggregate_text(kind));
    }
    text
}

fn aggregate_text(kind: &AggregateType) -> String {
    let snapshots = match kind.snapshot_every {
        0 => "no snapshots".to_owned(),
        every => format!("a snapshot every {} events", render::count(u64::from(every))),
    };
    let mut text = format!("aggregate {} ({snapshots})\n", render::escaped(&kind.name));
    for command in &kind.commands {
        let produces: Vec<String> = command.produces.iter().map(kind_name).collect();
        let produces = if produces.is_empty() { "nothing".to_owned() } else { produces.join(", ") };
        let _ = writeln!(text, "  command {} v{} -> {produces}", render::escaped(&command.name), command.version);
        text.push_str(&schema_text(&command.schema));
    }
    for event in &kind.events {
        let upcast = event.upcasts_to.map(|version| format!(" (read as v{version})")).unwrap_or_default();
        let _ = writeln!(text, "  event {} v{}{upcast}", render::escaped(&event.name), event.version);
        text.push_str(&schema_text(&event.schema));
    }
    text
}

fn kind_name(kind: &MessageKind) -> String {
    format!("{} v{}", render::escaped(&kind.name), kind.version)
}

/// Renders each property of an object as a line, with its type and a note if it may be missing.
fn schema_text(schema: &Value) -> String {
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
        return if schema.get("type").is_some_and(|kind| kind == "object" || kind == "null") {
            String::new()
        } else {
            format!("    {}\n", render::escaped(type_name(schema, schema)))
        };
    };
    let required = |name: &str| {
        let list = schema.get("required").and_then(Value::as_array);
        list.is_some_and(|list| list.iter().any(|required| required == name))
    };
    let width = properties.keys().map(|name| name.chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for (name, property) in properties {
        let optional = if required(name) { "" } else { ", may be missing" };
        let _ = write!(
            text,
            "    {}  {}{optional}",
            render::padded(&render::escaped(name), width),
            render::escaped(type_name(property, schema))
        );
        if let Some(description) = property.get("description").and_then(Value::as_str) {
            let _ = write!(text, "  {}", render::escaped(description.lines().next().unwrap_or_default()));
        }
        text.push('\n');
    }
    text
}

/// Describes a type in a few words: `integer (uint32)`, `string or null`, `one of "a", "b"`, `array of Leg`.
fn type_name(schema: &Value, root: &Value) -> String {
    if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
        return reference_name(reference, root);
    }
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        return format!("one of {}", join(values.iter().map(Value::to_string), ", "));
    }
    if let Some(value) = schema.get("const") {
        return value.to_string();
    }
    for alternatives in ["anyOf", "oneOf"] {
        if let Some(types) = schema.get(alternatives).and_then(Value::as_array) {
            return join(types.iter().map(|schema| type_name(schema, root)), " or ");
        }
    }
    let format = schema.get("format").and_then(Value::as_str).map(|format| format!(" ({format})")).unwrap_or_default();
    match schema.get("type") {
        Some(Value::String(kind)) if kind == "array" => {
            let items = schema.get("items").map_or_else(|| "anything".to_owned(), |items| type_name(items, root));
            format!("array of {items}")
        }
        Some(Value::String(kind)) => format!("{kind}{format}"),
        Some(Value::Array(kinds)) => format!("{}{format}", join(kinds.iter().filter_map(Value::as_str), " or ")),
        _ => "anything".to_owned(),
    }
}

/// Names a shared definition, with its type if that is not an object.
fn reference_name(reference: &str, root: &Value) -> String {
    let name = reference.rsplit('/').next().unwrap_or(reference);
    let target = reference.strip_prefix('#').and_then(|pointer| root.pointer(pointer));
    match target {
        Some(target) if target.get("$ref").is_none() && target.get("properties").is_none() => {
            format!("{name}: {}", type_name(target, &Value::Null))
        }
        _ => name.to_owned(),
    }
}

fn join<T: AsRef<str>>(parts: impl Iterator<Item = T>, between: &str) -> String {
    parts.fold(String::new(), |mut text, part| {
        text.push_str(if text.is_empty() { "" } else { between });
        text.push_str(part.as_ref());
        text
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use cantus_model::{CommandType, EventType};
    use serde_json::json;

    use super::*;

    #[test]
    fn a_manifest_is_rendered_as_a_tree() {
        let opened = MessageKind { name: "Opened".into(), version: 2 };
        let schema = json!({"type": "object", "required": ["owner"], "properties": {
            "owner": {"type": "string", "description": "Who may draw"},
            "limit": {"type": ["integer", "null"], "format": "uint32"},
            "kind": {"$ref": "#/$defs/Kind"},
        }, "$defs": {"Kind": {"enum": ["a", "b"]}}});
        let account = AggregateType {
            name: "Account".into(),
            snapshot_every: 1000,
            commands: vec![CommandType { name: "Open".into(), version: 1, schema, produces: vec![opened] }],
            events: vec![EventType {
                name: "Opened".into(),
                version: 1,
                schema: json!({"type": "object"}),
                upcasts_to: Some(2),
            }],
        };
        let manifest = Manifest {
            name: "bank".into(),
            version: "1.2.3".parse().unwrap(),
            payload_format: "application/json".into(),
            aggregates: vec![account],
        };
        let text = component_text(&manifest, Digest::from_bytes([1; 32]), 2048, &["wasi:io/poll@0.2.6".to_owned()]);
        insta::assert_snapshot!(text, @r#"
        bank 1.2.3
          digest     0101010101010101010101010101010101010101010101010101010101010101
          size       2.0 KiB
          payloads   application/json
          imports    wasi:io/poll@0.2.6

        aggregate Account (a snapshot every 1,000 events)
          command Open v1 -> Opened v2
            kind   Kind: one of "a", "b", may be missing
            limit  integer or null (uint32), may be missing
            owner  string  Who may draw
          event Opened v1 (read as v2)
        "#);
    }
}
