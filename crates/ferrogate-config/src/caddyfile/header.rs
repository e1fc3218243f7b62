//! `header`, `request_header`, and the same edits inside `reverse_proxy`.

use ferrogate_types::route::{Handler, HeaderEdits, HeaderOp, ResponseMatcher};
use ferrogate_types::{Placeholder, Template};

use super::body::Body;
use super::context::{Cx, is_credential_field};
use super::line::Line;
use super::syntax::{Segment, Token};
use super::table::{Kind, Row};
use crate::diagnostic::Diagnostic;

/// One edit, and whether it waits for the answer.
struct Edit {
    op: HeaderOp,
    when: When,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum When {
    /// Before the following handlers run.
    Now,
    /// When the answer's header is written; the other edits of the block wait as well.
    WithBlock,
    /// When the answer's header is written, on its own.
    Alone,
}

/// What holds for all edits of a block.
#[derive(Default)]
pub(crate) struct Options {
    defer: bool,
    matcher: Option<ResponseMatcher>,
}

const KIND: Kind = Kind {
    noun: "option",
    place: "in `header`",
};

/// Every line of a `header` block that is no edit.
pub(crate) const OPTIONS: &[Row<Options>] = &[
    Row::new(
        "defer",
        "defer",
        "Makes the edits when the answer is written.",
        |cx, line, options| options.defer |= line.flag(cx),
    ),
    Row::new(
        "match",
        "match RESPONSE_MATCHER | match { ... }",
        "Makes the edits only to answers that match.",
        |cx, line, options| options.matcher = cx.response_matcher(line.segment),
    ),
];

/// `header`: edits of the response.
pub(crate) fn response(cx: &mut Cx<'_>, line: &Line<'_>, body: &mut Body) {
    let mut edits = Vec::new();
    let mut options = Options::default();
    match (&line.segment.block, line.args) {
        (Some(block), []) => {
            for segment in &block.segments {
                match OPTIONS.iter().find(|row| segment.name.is_word(row.name)) {
                    Some(row) => cx.run_row(row, KIND, segment, &mut options),
                    None => edits.extend(block_line(cx, segment)),
                }
            }
        }
        (_, [field, rest @ ..]) => {
            if line.list(cx, 1..=3).is_some() {
                edits.extend(edit(cx, line, field, rest));
            }
        }
        (None, []) => {
            line.list(cx, 1..=3);
        }
    }
    let defer = options.defer
        || options.matcher.is_some()
        || edits.iter().any(|edit| edit.when == When::WithBlock);
    let mut result = HeaderEdits {
        matcher: options.matcher,
        ..HeaderEdits::default()
    };
    for edit in edits {
        if defer || edit.when != When::Now {
            result.deferred.push(edit.op);
        } else {
            result.immediate.push(edit.op);
        }
    }
    let server = |op: &HeaderOp| matches!(op, HeaderOp::Set { field, .. } if field.source().eq_ignore_ascii_case("server"));
    if result.immediate.iter().any(server) {
        body.server_header.get_or_insert(line.at());
    }
    if !result.immediate.is_empty() || !result.deferred.is_empty() {
        body.push(cx, line, Handler::Header(result));
    }
}

/// `request_header`: one edit of the request.
pub(crate) fn request(cx: &mut Cx<'_>, line: &Line<'_>, body: &mut Body) {
    if let Some(op) = plain(cx, line) {
        if cx.guards == 0 && injects_secret(line, &op) {
            body.injects.get_or_insert(line.at());
        }
        body.push(cx, line, Handler::RequestHeader(vec![op]));
    }
}

/// One edit without a condition: `request_header`, `header_up`, `header_down`.
pub(crate) fn plain(cx: &mut Cx<'_>, line: &Line<'_>) -> Option<HeaderOp> {
    let (field, rest) = line.list(cx, 1..=3)?.split_first()?;
    if field.text.starts_with('?') {
        let shown = cx.shown(field);
        cx.say(
            field.at,
            Diagnostic::error(
                "header-operator",
                format!("`{shown}`: `?` cannot be used here"),
            )
            .label("only the `header` directive sets a field where it is absent"),
        );
        return None;
    }
    edit(cx, line, field, rest).map(|edit| edit.op)
}

fn block_line(cx: &mut Cx<'_>, segment: &Segment) -> Option<Edit> {
    let line = Line::of(segment, "[+|-|?|>]FIELD [VALUE [REPLACEMENT]]");
    let args = line.list(cx, 0..=2)?;
    edit(cx, &line, &segment.name, args)
}

fn edit(cx: &mut Cx<'_>, line: &Line<'_>, word: &Token, values: &[Token]) -> Option<Edit> {
    let text: &str = &word.text;
    let operator = text.chars().next().filter(|c| "+-?>".contains(*c));
    let name = operator
        .map_or(text, |operator| text.trim_start_matches(operator))
        .trim_end_matches(':');
    if name.is_empty() || name.contains(|c: char| c.is_whitespace() || c.is_control() || c == ':') {
        let shown = cx.shown(word);
        cx.say(
            word.at,
            Diagnostic::error("header-field", format!("`{shown}` is not a header field"))
                .label("not a field name"),
        );
        return None;
    }
    let field = Template::parse(name);
    let wrong = |cx: &mut Cx<'_>, label: &str, hint: &str| {
        cx.say(
            line.at(),
            Diagnostic::error("header-operator", "this is not an edit of a header field")
                .label(label.to_owned())
                .hint(hint.to_owned())
                .hint(line.syntax()),
        );
        None
    };
    let when = if operator == Some('>') {
        When::WithBlock
    } else {
        When::Now
    };
    match (operator, values) {
        (Some('-'), []) => Some(Edit {
            op: HeaderOp::Delete {
                field: name.to_owned(),
            },
            when: When::WithBlock,
        }),
        (Some('-'), _) => wrong(cx, "to delete a field, write only its name after `-`", ""),
        (Some('+'), [value]) => Some(Edit {
            op: HeaderOp::Add {
                field,
                value: cx.template(value),
            },
            when,
        }),
        (Some('?'), [value]) => Some(Edit {
            op: HeaderOp::Default {
                field,
                value: cx.template(value),
            },
            when: When::Alone,
        }),
        (None | Some('>'), [value]) => Some(Edit {
            op: HeaderOp::Set {
                field,
                value: cx.template(value),
            },
            when,
        }),
        (None | Some('>'), [find, replace]) => {
            let find = cx.regex(find)?;
            Some(Edit {
                op: HeaderOp::Replace {
                    field: name.to_owned(),
                    find,
                    replace: cx.template(replace),
                },
                when,
            })
        }
        (_, []) => wrong(
            cx,
            "a value is missing",
            "`\"\"` is an empty value; `-` before the field deletes it",
        ),
        _ => wrong(
            cx,
            "only a plain field name takes a pattern and a replacement",
            "",
        ),
    }
}

/// Whether an edit puts a secret into a field that carries credentials.
pub(crate) fn injects_secret(line: &Line<'_>, op: &HeaderOp) -> bool {
    let (HeaderOp::Set { field, value } | HeaderOp::Add { field, value }) = op else {
        return false;
    };
    let from_outside = line.args.iter().skip(1).any(|word| word.expanded)
        || value
            .placeholders()
            .any(|p| matches!(p, Placeholder::Env(_) | Placeholder::File(_)));
    from_outside && is_credential_field(field.source())
}
