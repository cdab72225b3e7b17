//! JSON byte for byte as Flask prints it in debug mode: keys sorted, indented by two spaces,
//! ASCII only, numbers as Python writes them.

use std::fmt::Write;

use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Number, Value};

/// A reply with a JSON body.
pub(crate) fn reply(status: StatusCode, body: &Value) -> Response {
    let headers = [(CONTENT_TYPE, "application/json")];
    (status, headers, text(body)).into_response()
}

/// A value as JSON, with a line end.
pub(crate) fn text(body: &Value) -> String {
    let mut text = String::new();
    print(body, 0, &mut text);
    text.push('\n');
    text
}

/// A number as Python's `repr` writes it: the shortest digits that read back the same.
pub(crate) fn float(number: f64) -> String {
    if !number.is_finite() {
        let word = if number.is_nan() { "nan" } else { "inf" };
        return if number < 0.0 {
            format!("-{word}")
        } else {
            word.to_owned()
        };
    }
    let size = number.abs();
    if size == 0.0 || (1e-4..1e16).contains(&size) {
        return format!("{number:?}");
    }
    let scientific = format!("{number:e}");
    let (digits, exponent) = scientific
        .split_once('e')
        .expect("written with an exponent");
    let (sign, exponent) = match exponent.strip_prefix('-') {
        Some(exponent) => ('-', exponent),
        None => ('+', exponent),
    };
    format!("{digits}e{sign}{exponent:0>2}")
}

fn print(value: &Value, depth: usize, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::Number(number) => print_number(number, out),
        Value::String(text) => print_text(text, out),
        Value::Array(values) => {
            print_list(('[', ']'), values.iter(), depth, out, |value, out| {
                print(value, depth + 1, out);
            });
        }
        Value::Object(fields) => {
            let fields = sorted(fields);
            print_list(
                ('{', '}'),
                fields.iter(),
                depth,
                out,
                |(name, value), out| {
                    print_text(name, out);
                    out.push_str(": ");
                    print(value, depth + 1, out);
                },
            );
        }
    }
}

/// Maps may or may not be sorted, depending on what else is built into the program.
fn sorted(fields: &Map<String, Value>) -> Vec<(&String, &Value)> {
    let mut fields: Vec<_> = fields.iter().collect();
    fields.sort_by_key(|(name, _)| *name);
    fields
}

fn print_list<T>(
    (open, close): (char, char),
    items: impl ExactSizeIterator<Item = T>,
    depth: usize,
    out: &mut String,
    print_item: impl Fn(T, &mut String),
) {
    out.push(open);
    let is_empty = items.len() == 0;
    for (index, item) in items.enumerate() {
        if index > 0 {
            out.push(',');
        }
        print_line(depth + 1, out);
        print_item(item, out);
    }
    if !is_empty {
        print_line(depth, out);
    }
    out.push(close);
}

fn print_line(depth: usize, out: &mut String) {
    out.push('\n');
    out.extend(std::iter::repeat_n("  ", depth));
}

fn print_number(number: &Number, out: &mut String) {
    match number.as_f64() {
        Some(number_f64) if number.is_f64() => out.push_str(&float(number_f64)),
        _ => out.push_str(&number.to_string()),
    }
}

fn print_text(text: &str, out: &mut String) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            ' '..='~' => out.push(character),
            _ => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    write!(out, "\\u{unit:04x}").expect("a string takes everything");
                }
            }
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    // The expected texts are what Python 3.11 and Flask print.
    #[test]
    fn numbers_are_written_as_python_writes_them() {
        for (number, text) in [
            (0.0, "0.0"),
            (7.0, "7.0"),
            (2.209_247_695_661_716_6, "2.2092476956617166"),
            (1_795_432_690.581_852_7, "1795432690.5818527"),
            (0.0001, "0.0001"),
            (0.000_01, "1e-05"),
            (1.5e-7, "1.5e-07"),
            (1e15, "1000000000000000.0"),
            (1e16, "1e+16"),
            (1.25e100, "1.25e+100"),
            (-2.5, "-2.5"),
        ] {
            assert_eq!(float(number), text);
        }
    }

    #[test]
    fn objects_are_sorted_and_indented() {
        let mut out = String::new();
        let value = json!({ "b": [1, 2.0, {}], "a": { "é\n\u{1f600}\u{7f}": null }, "c": [] });
        print(&value, 0, &mut out);
        let text = r#"{
  "a": {
    "\u00e9\n\ud83d\ude00\u007f": null
  },
  "b": [
    1,
    2.0,
    {}
  ],
  "c": []
}"#;
        assert_eq!(out, text);
    }
}
