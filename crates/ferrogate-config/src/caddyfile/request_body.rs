//! `request_body`, `timeouts`: limits on bodies.

use ferrogate_types::parse_size;
use ferrogate_types::route::{BodyTimeouts, Handler, RequestBody};

use super::body::Body;
use super::context::Cx;
use super::line::Line;
use super::table::{Kind, Row};
use crate::diagnostic::Diagnostic;

const KIND: Kind = Kind {
    noun: "option",
    place: "in `request_body`",
};
const TIMEOUTS: Kind = Kind {
    noun: "timeout",
    place: "in `timeouts`",
};

/// What stands in `request_body`.
#[derive(Default)]
pub(crate) struct Limits {
    body: RequestBody,
    timeouts: BodyTimeouts,
}

/// Every option of `request_body`.
pub(crate) const OPTIONS: &[Row<Limits>] = &[
    Row::new(
        "max_size",
        "max_size SIZE",
        "The largest body; more is a 413.",
        |cx, line, limits| limits.body.max_size = line.size(cx),
    ),
    Row::new(
        "set",
        "set TEXT",
        "A body in the place of the client's.",
        |cx, line, limits| {
            limits.body.set = line.word(cx).map(|word| cx.template(word));
        },
    ),
    Row::new(
        "read_timeout",
        "read_timeout DURATION",
        "How long the body may stand still.",
        |cx, line, limits| limits.timeouts.read = line.duration(cx),
    ),
    Row::new(
        "write_timeout",
        "write_timeout DURATION",
        "How long the answer may stand still.",
        |cx, line, limits| limits.timeouts.write = line.duration(cx),
    ),
];

/// Every option of `timeouts`.
pub(crate) const TIMEOUT_OPTIONS: &[Row<BodyTimeouts>] = &[
    Row::new(
        "read_timeout",
        "read_timeout DURATION [RATE]",
        "Between two reads of the request's body; a rate is not enforced.",
        |cx, line, timeouts| timeouts.read = stall(cx, line).or(timeouts.read),
    ),
    Row::new(
        "write_timeout",
        "write_timeout DURATION [RATE]",
        "Between two writes of the answer's; a rate is not enforced.",
        |cx, line, timeouts| timeouts.write = stall(cx, line).or(timeouts.write),
    ),
    Row::new(
        "max_write_chunk",
        "max_write_chunk SIZE",
        "Has no effect: writes are as large as what is at hand.",
        |cx, line, _| {
            if line.size(cx).is_some() {
                cx.say(
                    line.at(),
                    Diagnostic::note(
                        "no-effect",
                        "`max_write_chunk` has nothing to cut into pieces",
                    )
                    .label("has no effect"),
                );
            }
        },
    ),
];

pub(crate) fn request_body(cx: &mut Cx<'_>, line: &Line<'_>, body: &mut Body) {
    let Some(block) = line.block(cx) else { return };
    let mut limits = Limits::default();
    cx.run_block(block, KIND, OPTIONS, &mut limits);
    let Limits {
        body: request,
        timeouts,
    } = limits;
    if request.max_size.is_some() || request.set.is_some() {
        body.push(cx, line, Handler::RequestBody(request));
    }
    if timeouts.read.is_some() || timeouts.write.is_some() {
        body.push(cx, line, Handler::Timeouts(timeouts));
    }
}

pub(crate) fn timeouts(cx: &mut Cx<'_>, line: &Line<'_>, body: &mut Body) {
    let Some(block) = line.block(cx) else { return };
    let mut timeouts = BodyTimeouts::default();
    cx.run_block(block, TIMEOUTS, TIMEOUT_OPTIONS, &mut timeouts);
    if timeouts.read.is_some() || timeouts.write.is_some() {
        body.push(cx, line, Handler::Timeouts(timeouts));
    }
}

/// How long a body may stand still; a rate behind it is read and pointed out.
fn stall(cx: &mut Cx<'_>, line: &Line<'_>) -> Option<std::time::Duration> {
    let (limit, rate) = line.list(cx, 1..=2)?.split_first()?;
    if let Some(rate) = rate.first() {
        cx.checked(rate, "size", parse_size(&rate.text))?;
        cx.say(
            rate.at,
            Diagnostic::note("no-effect", "a least rate is not enforced")
                .label("only the duration before it counts"),
        );
    }
    cx.duration(limit)
}
