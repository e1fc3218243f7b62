//! `log_skip`, `log_append`, `log_name`, `tracing`: what is written down about one request.

use ferrogate_types::route::{Handler, Tracing, Value};

use super::basic_auth::deprecated;
use super::body::Body;
use super::context::Cx;
use super::line::Line;
use super::table::{Kind, Row};
use crate::diagnostic::Diagnostic;

const TRACING: Kind = Kind {
    noun: "option",
    place: "in `tracing`",
};

/// Every option of `tracing`.
pub(crate) const TRACING_OPTIONS: &[Row<Tracing>] = &[
    Row::new(
        "span",
        "span NAME",
        "The name of the span.",
        |cx, line, tracing| {
            tracing.span = line.word(cx).map(|word| cx.template(word));
        },
    ),
    Row::many(
        "span_attributes",
        "span_attributes { KEY VALUE ... }",
        "Attributes of the span.",
        |cx, line, tracing| {
            let Some(block) = line.block(cx) else { return };
            for segment in &block.segments {
                if let Some(value) = Line::of(segment, "KEY VALUE").word(cx) {
                    let value = cx.template(value);
                    tracing
                        .attributes
                        .push((segment.name.text.to_string(), value));
                }
            }
        },
    ),
];

pub(crate) fn skip(cx: &mut Cx<'_>, line: &Line<'_>, body: &mut Body) {
    if line.name().is_word("skip_log") {
        deprecated(cx, line, "log_skip");
    }
    if line.flag(cx) {
        body.push(cx, line, Handler::LogSkip);
    }
}

pub(crate) fn append(cx: &mut Cx<'_>, line: &Line<'_>, body: &mut Body) {
    let Some([key, value]) = line.words(cx) else {
        return;
    };
    let (key, early) = match key.text.strip_prefix('<') {
        Some(key) => (key.to_owned(), true),
        None => (key.text.to_string(), false),
    };
    // Unlike in `vars`, a number is text here.
    let value = Value::Text(cx.template(value));
    body.push(cx, line, Handler::LogAppend { key, value, early });
}

pub(crate) fn name(cx: &mut Cx<'_>, line: &Line<'_>, body: &mut Body) {
    if let Some(words) = line.list(cx, 1..=99) {
        let names = words.iter().map(|word| word.text.to_string()).collect();
        body.push(cx, line, Handler::LogName(names));
    }
}

pub(crate) fn tracing(cx: &mut Cx<'_>, line: &Line<'_>, body: &mut Body) {
    let Some((_, block)) = line.with_block(cx, 0..=0) else {
        return;
    };
    let mut tracing = Tracing {
        span: None,
        attributes: Vec::new(),
    };
    if let Some(block) = block {
        cx.run_block(block, TRACING, TRACING_OPTIONS, &mut tracing);
    }
    cx.say(
        line.name().at,
        Diagnostic::note(
            "not-exported",
            "`tracing` passes the trace on and exports no spans",
        )
        .label("continues `traceparent` or begins one")
        .hint("`{vars.trace_id}` and `{vars.span_id}` name the span in logs"),
    );
    body.push(cx, line, Handler::Tracing(tracing));
}
