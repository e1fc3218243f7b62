//! `respond`, `error`, `abort`: answers without an upstream.

use ferrogate_types::Template;
use ferrogate_types::route::Handler;

use super::body::Body;
use super::context::Cx;
use super::line::Line;
use super::syntax::Token;
use super::table::{Kind, Row};
use crate::diagnostic::Diagnostic;

/// What `respond` or `error` says.
#[derive(Default)]
pub(crate) struct Answer {
    status: Option<Template>,
    text: Option<Template>,
    close: bool,
}

const RESPOND: Kind = Kind {
    noun: "option",
    place: "in `respond`",
};
pub(crate) const RESPOND_OPTIONS: &[Row<Answer>] = &[
    Row::new("body", "body TEXT", "The body.", |cx, line, answer| {
        text(cx, line, answer);
    }),
    Row::new(
        "close",
        "close",
        "Ends the connection after the answer.",
        |cx, line, answer| {
            answer.close = line.flag(cx);
        },
    ),
];

const ERROR: Kind = Kind {
    noun: "option",
    place: "in `error`",
};
pub(crate) const ERROR_OPTIONS: &[Row<Answer>] = &[Row::new(
    "message",
    "message TEXT",
    "The message, for the log.",
    |cx, line, answer| {
        text(cx, line, answer);
    },
)];

pub(crate) fn respond(cx: &mut Cx<'_>, line: &Line<'_>, body: &mut Body) {
    if let Some(Answer {
        status,
        text,
        close,
    }) = answer(cx, line, RESPOND, RESPOND_OPTIONS)
    {
        body.push(
            cx,
            line,
            Handler::Respond {
                status,
                body: text,
                close,
            },
        );
    }
}

pub(crate) fn error(cx: &mut Cx<'_>, line: &Line<'_>, body: &mut Body) {
    if let Some(Answer { status, text, .. }) = answer(cx, line, ERROR, ERROR_OPTIONS) {
        body.push(
            cx,
            line,
            Handler::Error {
                status,
                message: text,
            },
        );
    }
}

pub(crate) fn abort(cx: &mut Cx<'_>, line: &Line<'_>, body: &mut Body) {
    if line.flag(cx) {
        body.push(cx, line, Handler::Abort);
    }
}

const METRICS: Kind = Kind {
    noun: "option",
    place: "in `metrics`",
};
/// Every option of `metrics`.
pub(crate) const METRICS_OPTIONS: &[Row<()>] = &[Row::new(
    "disable_openmetrics",
    "disable_openmetrics",
    "Has no effect: the page has Prometheus' text form anyway.",
    |cx, line, ()| {
        line.flag(cx);
    },
)];

pub(crate) fn metrics(cx: &mut Cx<'_>, line: &Line<'_>, body: &mut Body) {
    let Some((_, block)) = line.with_block(cx, 0..=0) else {
        return;
    };
    if let Some(block) = block {
        cx.run_block(block, METRICS, METRICS_OPTIONS, &mut ());
    }
    body.push(cx, line, Handler::Metrics);
}

/// Reads the text of an answer that has none on its line.
fn text(cx: &mut Cx<'_>, line: &Line<'_>, answer: &mut Answer) {
    let Some(word) = line.word(cx) else { return };
    if answer.text.is_some() {
        cx.say(
            line.at(),
            Diagnostic::error(
                "repeated",
                format!("the {} is there already", line.name().text),
            )
            .label("a second one")
            .hint("leave out this line, or the text before the brace"),
        );
        return;
    }
    answer.text = Some(cx.template(word));
}

/// One argument of three digits is a status, any other is the text; two are text and status.
fn answer(
    cx: &mut Cx<'_>,
    line: &Line<'_>,
    kind: Kind,
    options: &'static [Row<Answer>],
) -> Option<Answer> {
    if line.args.is_empty()
        && line
            .segment
            .args
            .iter()
            .any(|arg| arg.text.starts_with('/'))
    {
        cx.say(
            line.at(),
            Diagnostic::error(
                "argument-count",
                format!("`{}` has nothing to say", line.name().text),
            )
            .label("an argument that begins with a slash is the matcher")
            .hint(line.syntax()),
        );
        return None;
    }
    let (args, block) = line.with_block(cx, 1..=2)?;
    let mut answer = Answer::default();
    match args {
        [only] if is_status(&only.text) => answer.status = status(cx, only, ""),
        [text] => answer.text = Some(cx.template(text)),
        [text, code] => {
            answer.text = Some(cx.template(text));
            answer.status = status(cx, code, "a body with blanks in it needs quotes");
        }
        _ => {}
    }
    if let Some(block) = block {
        cx.run_block(block, kind, options, &mut answer);
    }
    Some(answer)
}

fn is_status(text: &str) -> bool {
    text.len() == 3 && text.bytes().all(|b| b.is_ascii_digit()) && text != "000"
}

/// A status, or a placeholder that stands for one; `hint` is for a word that is neither.
pub(crate) fn status(cx: &mut Cx<'_>, word: &Token, hint: &'static str) -> Option<Template> {
    let template = cx.template(word);
    let valid = match template.as_literal() {
        Some(text) => {
            is_status(text)
                && text
                    .parse::<u16>()
                    .is_ok_and(|status| (100..=999).contains(&status))
        }
        None => true,
    };
    if valid {
        return Some(template);
    }
    let shown = cx.shown(word);
    cx.say(
        word.at,
        Diagnostic::error("invalid-status", format!("`{shown}` is not a status"))
            .label("three digits, 100 to 999")
            .hint(hint),
    );
    None
}
