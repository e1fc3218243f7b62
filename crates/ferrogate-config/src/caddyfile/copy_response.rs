//! `copy_response`, `copy_response_headers`: what is taken over from the answer at hand.

use ferrogate_types::route::{CopiedFields, Handler};

use super::body::Body;
use super::context::Cx;
use super::line::Line;
use super::respond::status;
use super::table::{Kind, Row};
use crate::diagnostic::Diagnostic;

const KIND: Kind = Kind {
    noun: "option",
    place: "in `copy_response_headers`",
};

/// Every option of `copy_response_headers`.
pub(crate) const FIELD_OPTIONS: &[Row<Fields>] = &[
    Row::many(
        "include",
        "include FIELD...",
        "Only these fields are taken over.",
        |cx, line, fields| fields.include.extend(names(cx, line)),
    ),
    Row::many(
        "exclude",
        "exclude FIELD...",
        "All but these fields are taken over.",
        |cx, line, fields| fields.exclude.extend(names(cx, line)),
    ),
];

/// The fields as they are read, in lower case.
#[derive(Default)]
pub(crate) struct Fields {
    include: Vec<String>,
    exclude: Vec<String>,
}

pub(crate) fn response(cx: &mut Cx<'_>, line: &Line<'_>, body: &mut Body) {
    if refused(cx, line) {
        return;
    }
    let Some(args) = line.list(cx, 0..=1) else {
        return;
    };
    let code = match args.first() {
        None => None,
        Some(word) => match status(cx, word, "") {
            None => return,
            code => code,
        },
    };
    body.push(cx, line, Handler::CopyResponse(code));
}

pub(crate) fn headers(cx: &mut Cx<'_>, line: &Line<'_>, body: &mut Body) {
    if refused(cx, line) {
        return;
    }
    let Some((_, block)) = line.with_block(cx, 0..=0) else {
        return;
    };
    let mut fields = Fields::default();
    if let Some(block) = block {
        cx.run_block(block, KIND, FIELD_OPTIONS, &mut fields);
    }
    let fields = match (fields.include, fields.exclude) {
        (include, exclude) if include.is_empty() && exclude.is_empty() => CopiedFields::All,
        (include, exclude) if exclude.is_empty() => CopiedFields::Include(include),
        (include, exclude) if include.is_empty() => CopiedFields::Exclude(exclude),
        _ => {
            cx.say(
                line.at(),
                Diagnostic::error(
                    "contradiction",
                    "fields cannot be both included and excluded",
                )
                .label("has `include` and `exclude`")
                .hint("`include` alone leaves all other fields out"),
            );
            return;
        }
    };
    body.push(cx, line, Handler::CopyResponseHeaders(fields));
}

fn names(cx: &mut Cx<'_>, line: &Line<'_>) -> Vec<String> {
    let words = line.list(cx, 1..=999).unwrap_or_default();
    words
        .iter()
        .map(|word| word.text.to_ascii_lowercase())
        .collect()
}

/// Complains when there is no answer to copy from.
fn refused(cx: &mut Cx<'_>, line: &Line<'_>) -> bool {
    let refused = cx.answers == 0;
    if refused {
        cx.say(
            line.name().at,
            Diagnostic::error(
                "directive-place",
                format!("`{}` has no answer to copy from", line.name().text),
            )
            .label("can stand inside `handle_response` only")
            .hint("put it into `handle_response { ... }` of `reverse_proxy` or `intercept`"),
        );
    }
    refused
}
