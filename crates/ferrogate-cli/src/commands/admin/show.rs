//! Answers of the admin API, as they are printed.

use serde_json::Value;

use super::grammar::Shape;
use crate::commands::table::{columns, line};
use crate::commands::yaml;
use crate::console::{Outcome, print, say};
use crate::remote::plain;

/// What a cell without a value shows.
const NONE: &str = "-";
/// Lists longer than this are cut in columns.
const LONGEST: usize = 40;
/// Columns of rows that come one by one are as wide as this, or as their heads.
const USUAL: usize = 12;

/// An answer as it came, for programs.
pub(super) fn whole(shape: Shape, value: &Value) -> Outcome {
    match shape {
        Shape::Yaml => print(&yaml::document(value)),
        Shape::Json | Shape::Table => print(&format!("{}\n", yaml::json(value))),
    }
}

/// Pages of rows.
pub(super) fn list(shape: Shape, names: &[&str], list: &Value) -> Outcome {
    if shape != Shape::Table {
        return whole(shape, list);
    }
    let rows = list["data"].as_array();
    let rows = rows.map(Vec::as_slice).unwrap_or_default();
    // What no row has, such as what was not grouped by, is no column.
    let there = |name: &&str| rows.iter().any(|row| row.get(*name).is_some());
    let names: Vec<&str> = names.iter().copied().filter(there).collect();
    if rows.is_empty() {
        say("there are none");
        return Ok(());
    }
    let cells = |row: &Value| names.iter().map(|name| short(&row[*name])).collect();
    let rows: Vec<Vec<String>> = rows.iter().map(cells).collect();
    let heads: Vec<String> = names.iter().map(|name| head(name)).collect();
    let heads: Vec<&str> = heads.iter().map(String::as_str).collect();
    print(&columns(&heads, &rows))?;
    if let Some(cursor) = list["next_cursor"].as_str() {
        say(&format!(
            "there are more: `--cursor {}`, or `--all`",
            plain(cursor)
        ));
    }
    Ok(())
}

/// One object: a line for each member.
pub(super) fn one(shape: Shape, value: &Value) -> Outcome {
    match value {
        // What has no content has nothing to say.
        Value::Null => Ok(()),
        Value::Object(members) if shape == Shape::Table => {
            let mut rows = Vec::new();
            for (name, value) in members.iter().filter(|(name, _)| *name != "object") {
                members_of(&mut rows, plain(name), value);
            }
            print(&columns(&[], &rows))
        }
        other => whole(shape, other),
    }
}

/// A row that came alone; `None` is the head.
pub(super) fn row(shape: Shape, names: &[&str], row: Option<&Value>) -> Outcome {
    match (shape, row) {
        (Shape::Table, row) => {
            let heads = names.iter().map(|name| head(name));
            let widths: Vec<usize> = heads.clone().map(|head| head.len().max(USUAL)).collect();
            let cells: Vec<String> = match row {
                Some(row) => names.iter().map(|name| short(&row[*name])).collect(),
                None => heads.collect(),
            };
            let mut text = String::new();
            line(&mut text, &widths, &cells);
            print(&text)
        }
        (_, None) => Ok(()),
        // A line each, so that a reader need not wait for the end.
        (Shape::Json, Some(row)) => print(&format!("{}\n", yaml::escaped(&row.to_string()))),
        (Shape::Yaml, Some(row)) => print(&format!("---\n{}", yaml::document(row))),
    }
}

/// A line for a member, or one for each that is in it.
fn members_of(rows: &mut Vec<[String; 2]>, name: String, value: &Value) {
    match value {
        Value::Object(members) if !members.is_empty() => {
            for (inner, value) in members {
                members_of(rows, format!("{name}.{}", plain(inner)), value);
            }
        }
        simple => rows.push([name, cell(simple)]),
    }
}

/// A cell among others: a long list is cut, for the columns behind it to be seen.
fn short(value: &Value) -> String {
    let text = cell(value);
    if !value.is_array() || text.chars().count() <= LONGEST {
        return text;
    }
    text.chars().take(LONGEST - 1).chain(['…']).collect()
}

fn head(name: &str) -> String {
    name.replace('_', " ").to_uppercase()
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => NONE.to_owned(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::String(text) if text.is_empty() => NONE.to_owned(),
        Value::String(text) => plain(text),
        Value::Array(items) if items.is_empty() => NONE.to_owned(),
        Value::Array(items) if !items.iter().any(Value::is_object) => {
            items.iter().map(cell).collect::<Vec<_>>().join(",")
        }
        Value::Object(members) if members.is_empty() => NONE.to_owned(),
        other => plain(&other.to_string()),
    }
}
