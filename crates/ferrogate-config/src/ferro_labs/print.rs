//! Lines to the text of a Caddyfile.

use crate::caddyfile::syntax::{Segment, Token};

/// The text of a site.
pub(super) fn text(site: &Segment) -> String {
    let mut out = String::new();
    segment(&mut out, site, 0);
    out
}

fn segment(out: &mut String, line: &Segment, depth: usize) {
    out.extend(std::iter::repeat_n('\t', depth));
    let words = std::iter::once(&line.name).chain(&line.args);
    for (index, word) in words.enumerate() {
        if index > 0 {
            out.push(' ');
        }
        out.push_str(&quoted(word));
    }
    match &line.block {
        Some(block) if !block.segments.is_empty() => {
            out.push_str(" {\n");
            for inner in &block.segments {
                segment(out, inner, depth + 1);
            }
            out.extend(std::iter::repeat_n('\t', depth));
            out.push_str("}\n");
        }
        // Options that are not written are those by default.
        _ => out.push('\n'),
    }
}

/// A word as it has to be written, so that it is read as one.
fn quoted(word: &Token) -> String {
    let text = &*word.text;
    let special = |c: char| c.is_whitespace() || matches!(c, '"' | '`' | '{' | '}' | '\\' | '#');
    if !text.is_empty() && !text.contains(special) && !text.starts_with("<<") {
        return text.to_owned();
    }
    if !text.contains('`') {
        return format!("`{text}`");
    }
    if !text.contains("\\\"") && !text.ends_with('\\') {
        return format!("\"{}\"", text.replace('"', "\\\""));
    }
    // Between quotes, a backslash before a quote cannot be written.
    let mut marker = "END".to_owned();
    while text.contains(&marker) {
        marker.push('_');
    }
    format!("<<{marker}\n{text}\n{marker}")
}
