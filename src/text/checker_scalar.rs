//! A scalar against its schema: numbers, booleans, text, and the units.

use serde_json::Value;

use super::chain_time::Lapse;
use super::schema::{describe_scalar, types_of};
use super::tree::{Plain, has_leading_zero};
use super::units::{Rate, Share, Size, Time};
use super::{Diagnostic, Span};

/// Checks a scalar; `quoted` text is never a number.
pub(super) fn check_scalar(span: Span, text: &str, quoted: bool, schema: &Value) -> Result<(), Diagnostic> {
    let format = schema.get("format").and_then(Value::as_str).unwrap_or_default();
    let unit = match format {
        Time::FORMAT => Some(text.parse::<Time>().map(drop)),
        Lapse::FORMAT => Some(text.parse::<Lapse>().map(drop)),
        Rate::FORMAT => Some(text.parse::<Rate>().map(drop)),
        Size::FORMAT => Some(text.parse::<Size>().map(drop)),
        Share::FORMAT => Some(text.parse::<Share>().map(drop)),
        _ => None,
    };
    if let Some(result) = unit {
        return result.map_err(|mistake| mistake.at(span));
    }
    let types = schema.as_object().map(types_of).unwrap_or_default();
    let plain = if quoted { Plain::Text } else { Plain::of(text) };
    let wrong = || {
        let shown = super::tree::Node { span, content: super::tree::Content::Scalar { text: text.to_owned(), quoted } };
        Diagnostic::error(format!("expected {}, found {}", describe_scalar(schema), shown.describe())).at(span, "")
    };
    if let Some(constant) = schema.get("const") {
        return if *constant == text.parse::<Value>().unwrap_or(Value::Null) { Ok(()) } else { Err(wrong()) };
    }
    if types.contains(&"string") {
        return check_text(span, text, schema);
    }
    match plain {
        Plain::Bool(_) if types.contains(&"boolean") => Ok(()),
        Plain::Unsigned(number) if types.contains(&"integer") || types.contains(&"number") => {
            in_bounds(span, text, number as f64, schema)
        }
        Plain::Signed(number) if types.contains(&"integer") || types.contains(&"number") => {
            in_bounds(span, text, number as f64, schema)
        }
        Plain::Float(number) if types.contains(&"number") => in_bounds(span, text, number, schema),
        _ => Err(trap(text, quoted, &types).into_iter().fold(wrong(), Diagnostic::help)),
    }
}

fn check_text(span: Span, text: &str, schema: &Value) -> Result<(), Diagnostic> {
    let least = schema.get("minLength").and_then(Value::as_u64).unwrap_or(0);
    let most = schema.get("maxLength").and_then(Value::as_u64).unwrap_or(u64::MAX);
    let length = text.chars().count() as u64;
    if length < least {
        let message = if length == 0 {
            "this text is empty".to_owned()
        } else {
            format!("this text is shorter than {least} characters")
        };
        return Err(Diagnostic::error(message).at(span, ""));
    }
    if length > most {
        return Err(Diagnostic::error(format!("this text is longer than {most} characters")).at(span, ""));
    }
    Ok(())
}

/// Bounds that the schema names, and those of the integer type behind it.
fn in_bounds(span: Span, text: &str, number: f64, schema: &Value) -> Result<(), Diagnostic> {
    let format = schema.get("format").and_then(Value::as_str).unwrap_or_default();
    let (type_least, type_most) = match format {
        "uint8" => (0.0, f64::from(u8::MAX)),
        "uint16" => (0.0, f64::from(u16::MAX)),
        "uint32" => (0.0, f64::from(u32::MAX)),
        "uint" | "uint64" => (0.0, u64::MAX as f64),
        "int32" => (f64::from(i32::MIN), f64::from(i32::MAX)),
        _ => (f64::NEG_INFINITY, f64::INFINITY),
    };
    let least = schema.get("minimum").and_then(Value::as_f64).unwrap_or(f64::NEG_INFINITY).max(type_least);
    let most = schema.get("maximum").and_then(Value::as_f64).unwrap_or(f64::INFINITY).min(type_most);
    let above = schema.get("exclusiveMinimum").and_then(Value::as_f64).unwrap_or(f64::NEG_INFINITY);
    if number < least {
        let least_text = format!("{least}");
        return Err(
            Diagnostic::error(format!("expected a number of at least {least_text}, found `{text}`")).at(span, "")
        );
    }
    if number > most {
        return Err(Diagnostic::error(format!("expected a number of at most {most}, found `{text}`")).at(span, ""));
    }
    if number <= above {
        return Err(Diagnostic::error(format!("expected a number above {above}, found `{text}`")).at(span, ""));
    }
    Ok(())
}

/// What readers of other YAML versions would have taken it for.
fn trap(text: &str, quoted: bool, types: &[&str]) -> Option<String> {
    if types.contains(&"boolean") {
        return match text.to_lowercase().as_str() {
            "yes" | "on" | "y" | "1" => Some("write `true`".to_owned()),
            "no" | "off" | "n" | "0" => Some("write `false`".to_owned()),
            "true" | "false" if quoted => Some("remove the quotes".to_owned()),
            _ => None,
        };
    }
    if quoted && matches!(Plain::of(text), Plain::Unsigned(_) | Plain::Signed(_) | Plain::Float(_)) {
        return Some("remove the quotes".to_owned());
    }
    if has_leading_zero(text) {
        let digits = text.trim_start_matches('0');
        let decimal = if digits.is_empty() { "0" } else { digits };
        return Some(format!(
            "a leading zero is octal to some readers: write `{decimal}`, or `0o{decimal}` if octal is meant"
        ));
    }
    if text.contains('_') && text.chars().all(|c| c.is_ascii_digit() || c == '_') {
        return Some(format!("write `{}`", text.replace('_', "")));
    }
    None
}
