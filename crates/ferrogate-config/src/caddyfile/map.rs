//! `map`.

use std::collections::HashMap;

use ferrogate_types::Template;
use ferrogate_types::route::{Handler, Map, MapInput, MapLine, Value};

use super::body::Body;
use super::context::Cx;
use super::line::Line;
use super::syntax::{Place, Segment, Token};
use crate::diagnostic::Diagnostic;

/// What the lines of a block come to.
#[derive(Default)]
struct Lines {
    lines: Vec<MapLine>,
    seen: HashMap<String, Place>,
    defaults: Option<(Vec<Value>, Place)>,
}

pub(crate) fn directive(cx: &mut Cx<'_>, line: &Line<'_>, body: &mut Body) {
    let Some((args, block)) = line.with_block(cx, 2..=100) else {
        return;
    };
    let Some((source, names)) = args.split_first() else {
        return;
    };
    let source = cx.template(source);
    let destinations: Vec<String> = names
        .iter()
        .filter_map(|name| destination(cx, name))
        .collect();
    let mut lines = Lines::default();
    for segment in block.map_or(&[][..], |block| &block.segments) {
        lines.read(cx, segment, names.len());
    }
    if destinations.len() == names.len() {
        let map = Map {
            source,
            destinations,
            lines: lines.lines,
            defaults: lines.defaults.map(|(values, _)| values).unwrap_or_default(),
        };
        body.push(cx, line, Handler::Map(map));
    }
}

/// The name in a word such as `{backend}`; not yet checked for what it means elsewhere.
pub(crate) fn destination_name(word: &Token) -> Option<&str> {
    word.text
        .strip_prefix('{')
        .and_then(|rest| rest.strip_suffix('}'))
        .filter(|name| !name.is_empty() && !name.contains(['{', '}']))
}

fn destination(cx: &mut Cx<'_>, word: &Token) -> Option<String> {
    let (label, hint) = match destination_name(word) {
        None => (
            "one placeholder of your own, with its braces",
            "syntax: map SOURCE {DESTINATION}... { ... }",
        ),
        Some(_) if Template::parse(&word.text).unknown().next().is_none() => {
            ("has a meaning of its own", "choose another name")
        }
        Some(name) => return Some(name.to_owned()),
    };
    let shown = cx.shown(word);
    cx.say(
        word.at,
        Diagnostic::error(
            "map-destination",
            format!("`{shown}` cannot be set by `map`"),
        )
        .label(label)
        .hint(hint),
    );
    None
}

impl Lines {
    fn read(&mut self, cx: &mut Cx<'_>, segment: &Segment, width: usize) {
        if segment.name.is_word("default") {
            return self.fallback(cx, segment, width);
        }
        let line = Line::of(segment, "[~]INPUT OUTPUT..., one for each destination");
        let Some(words) = line.list(cx, 0..=width) else {
            return;
        };
        let mut outputs: Vec<Option<Value>> = words
            .iter()
            .map(|word| (&*word.text != "-").then(|| cx.value(word)))
            .collect();
        outputs.resize_with(width, || None);
        let text = segment.name.text.to_string();
        if let Some(first) = self.seen.get(&text) {
            let shown = cx.shown(&segment.name);
            cx.say(
                segment.name.at,
                Diagnostic::error(
                    "duplicate-input",
                    format!("input `{shown}` is listed twice"),
                )
                .label("never reached")
                .also(first.span, "this line fits first"),
            );
            return;
        }
        self.seen.insert(text, segment.name.at);
        let input = match segment.name.text.strip_prefix('~') {
            None => MapInput::Exact(segment.name.text.to_string()),
            Some(pattern) => {
                let word = Token {
                    text: pattern.into(),
                    ..segment.name.clone()
                };
                let Some(pattern) = cx.regex(&word) else {
                    return;
                };
                MapInput::Regexp(pattern)
            }
        };
        self.lines.push(MapLine { input, outputs });
    }

    fn fallback(&mut self, cx: &mut Cx<'_>, segment: &Segment, width: usize) {
        let line = Line::of(segment, "default VALUE...");
        let Some(words) = line.list(cx, 1..=width) else {
            return;
        };
        if let Some((_, first)) = &self.defaults {
            cx.say(
                segment.name.at,
                Diagnostic::error("repeated", "`default` is written twice")
                    .label("second line")
                    .also(first.span, "first line"),
            );
            return;
        }
        // Caddy keeps the type of outputs, but not of defaults.
        let values = words
            .iter()
            .map(|word| Value::Text(cx.template(word)))
            .collect();
        self.defaults = Some((values, segment.name.at));
    }
}
