//! `format`: how a log looks.

use super::filter;
use crate::caddyfile::context::Cx;
use crate::caddyfile::line::Line;
use crate::caddyfile::syntax::{Block, Segment, Token};
use crate::caddyfile::table::{Kind, Row};
use crate::diagnostic::Diagnostic;
use crate::model::{DurationFormat, EncoderKeys, LevelFormat, LogEncoder, TimeFormat};

const KIND: Kind = Kind {
    noun: "option",
    place: "in a log format",
};

/// How many forms may be wrapped around one another.
const MAX_WRAPS: usize = 8;

/// Every option of `format json` and `format console`.
pub(crate) const OPTIONS: &[Row<EncoderKeys>] = &[
    Row::new(
        "message_key",
        "message_key NAME",
        "The field of the message; msg by default.",
        |cx, line, keys| keys.message_key = line.text(cx),
    ),
    Row::new(
        "level_key",
        "level_key NAME",
        "The field of the level; level by default.",
        |cx, line, keys| keys.level_key = line.text(cx),
    ),
    Row::new(
        "time_key",
        "time_key NAME",
        "The field of the time; ts by default.",
        |cx, line, keys| keys.time_key = line.text(cx),
    ),
    Row::new(
        "name_key",
        "name_key NAME",
        "The field of the logger; logger by default.",
        |cx, line, keys| keys.name_key = line.text(cx),
    ),
    Row::new(
        "caller_key",
        "caller_key NAME",
        "The field of the place in the code, which is never there.",
        |cx, line, keys| keys.caller_key = line.text(cx),
    ),
    Row::new(
        "stacktrace_key",
        "stacktrace_key NAME",
        "The field of the stack, which is never there.",
        |cx, line, keys| keys.stacktrace_key = line.text(cx),
    ),
    Row::new(
        "line_ending",
        "line_ending TEXT",
        "What ends an entry; a line feed by default.",
        |cx, line, keys| keys.line_ending = line.text(cx),
    ),
    Row::new(
        "time_format",
        "time_format FORMAT",
        "How times look; unix_seconds_float in JSON by default.",
        |cx, line, keys| {
            keys.time_format = line.text(cx).map(|name| {
                TIME_FORMATS
                    .iter()
                    .find(|(known, _)| *known == name)
                    .map_or(TimeFormat::Layout(name), |(_, format)| (*format).clone())
            });
        },
    ),
    Row::new(
        "time_local",
        "time_local",
        "Local time and not UTC.",
        |cx, line, keys| keys.time_local = line.flag(cx),
    ),
    Row::new(
        "duration_format",
        "duration_format seconds|ms|nano|string",
        "How durations look; seconds by default.",
        |cx, line, keys| {
            const FORMATS: &[(&str, DurationFormat)] = &[
                ("seconds", DurationFormat::Seconds),
                ("second", DurationFormat::Seconds),
                ("s", DurationFormat::Seconds),
                ("ms", DurationFormat::Milliseconds),
                ("milli", DurationFormat::Milliseconds),
                ("millis", DurationFormat::Milliseconds),
                ("nano", DurationFormat::Nanoseconds),
                ("nanos", DurationFormat::Nanoseconds),
                ("ns", DurationFormat::Nanoseconds),
                ("string", DurationFormat::Text),
            ];
            keys.duration_format = line
                .word(cx)
                .and_then(|word| cx.one_of(word, "form of durations", FORMATS));
        },
    ),
    Row::new(
        "level_format",
        "level_format lower|upper|color",
        "How levels look; lower in JSON by default.",
        |cx, line, keys| {
            const FORMATS: &[(&str, LevelFormat)] = &[
                ("lower", LevelFormat::Lower),
                ("upper", LevelFormat::Upper),
                ("color", LevelFormat::Color),
            ];
            keys.level_format = line
                .word(cx)
                .and_then(|word| cx.one_of(word, "form of levels", FORMATS));
        },
    ),
];

/// Names of times; any other word is a layout of Go's.
const TIME_FORMATS: &[(&str, TimeFormat)] = &[
    ("unix_seconds_float", TimeFormat::UnixSecondsFloat),
    ("unix_milli_float", TimeFormat::UnixMilliFloat),
    ("unix_nano", TimeFormat::UnixNano),
    ("iso8601", TimeFormat::Iso8601),
    ("rfc3339", TimeFormat::Rfc3339),
    ("rfc3339_nano", TimeFormat::Rfc3339Nano),
    ("wall", TimeFormat::Wall),
    ("wall_milli", TimeFormat::WallMilli),
    ("wall_nano", TimeFormat::WallNano),
    ("common_log", TimeFormat::CommonLog),
];

/// What a `format` line names.
#[derive(Clone, Copy)]
enum Form {
    Json,
    Console,
    Filter,
    Append,
    Journald,
}

const FORMS: &[(&str, Form)] = &[
    ("json", Form::Json),
    ("console", Form::Console),
    ("filter", Form::Filter),
    ("append", Form::Append),
    ("journald", Form::Journald),
];

/// Reads `format NAME [{ … }]`.
pub(super) fn read(cx: &mut Cx<'_>, line: &Line<'_>) -> Option<LogEncoder> {
    nested(cx, line, 0)
}

/// Reads `format` or `wrap`, so deep in other forms.
pub(super) fn nested(cx: &mut Cx<'_>, line: &Line<'_>, depth: usize) -> Option<LogEncoder> {
    let (args, block) = line.with_block(cx, 1..=usize::MAX)?;
    let (name, rest) = args.split_first()?;
    let form = cx.one_of(name, "log format", FORMS)?;
    if let (Form::Json | Form::Console | Form::Filter, Some(surplus)) = (form, rest.first()) {
        let shown = cx.shown(surplus);
        cx.say(
            surplus.at,
            Diagnostic::error("argument-count", format!("unexpected argument `{shown}`"))
                .label(format!("one too many for `{}`", name.text))
                .hint(line.syntax()),
        );
        return None;
    }
    if depth == MAX_WRAPS {
        cx.say(
            name.at,
            Diagnostic::error("too-large", "log formats are wrapped too deeply")
                .label("one too many"),
        );
        return None;
    }
    match form {
        Form::Json => Some(LogEncoder::Json(keys(cx, block))),
        Form::Console => Some(LogEncoder::Console(keys(cx, block))),
        Form::Filter => Some(filter::read(cx, block, depth)),
        Form::Append => Some(append(cx, line, rest, block, depth)),
        Form::Journald => {
            cx.say(
                name.at,
                Diagnostic::error("not-supported", "log format `journald` is not supported")
                    .label("the journal's own protocol is not spoken")
                    .hint("write `format console` to stderr: systemd takes it into the journal"),
            );
            None
        }
    }
}

fn keys(cx: &mut Cx<'_>, block: Option<&Block>) -> EncoderKeys {
    let mut keys = EncoderKeys::default();
    if let Some(block) = block {
        cx.run_block(block, KIND, OPTIONS, &mut keys);
    }
    keys
}

/// `append KEY VALUE` or a block of such lines, with `wrap` and `fields { … }` among them.
fn append(
    cx: &mut Cx<'_>,
    line: &Line<'_>,
    inline: &[Token],
    block: Option<&Block>,
    depth: usize,
) -> LogEncoder {
    let mut wrap = None;
    let mut fields = Vec::new();
    match inline {
        [] => {}
        [key, value] => fields.push((key.text.to_string(), cx.value(value))),
        _ => cx.say(
            line.at(),
            Diagnostic::error("argument-count", "`append` takes a name and a value")
                .label("two words, or a block of such lines")
                .hint("syntax: format append { NAME VALUE ... }"),
        ),
    }
    let mut field = |cx: &mut Cx<'_>, segment: &Segment| {
        let line = Line::of(segment, "NAME VALUE");
        if let Some(value) = line.word(cx) {
            fields.push((segment.name.text.to_string(), cx.value(value)));
        }
    };
    for segment in block.into_iter().flat_map(|block| &block.segments) {
        if segment.name.is_word("wrap") {
            wrap = nested(cx, &Line::of(segment, "wrap FORMAT [{ ... }]"), depth + 1).map(Box::new);
        } else if let (true, Some(inner)) = (segment.name.is_word("fields"), &segment.block) {
            for segment in &inner.segments {
                field(cx, segment);
            }
        } else {
            field(cx, segment);
        }
    }
    LogEncoder::Append { wrap, fields }
}
