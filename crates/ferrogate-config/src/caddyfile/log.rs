//! `log`, as a directive and as a global option.

use std::path::PathBuf;

use super::body::Body;
use super::context::Cx;
use super::line::Line;
use super::table::{Kind, Row};
use crate::diagnostic::Diagnostic;
use crate::model::{LogFormat, LogLevel, LogOutput, LogSettings};

const KIND: Kind = Kind {
    noun: "option",
    place: "in `log`",
};

/// A log as it is read.
#[derive(Default)]
pub(crate) struct Draft {
    output: Option<LogOutput>,
    format: Option<LogFormat>,
    level: Option<LogLevel>,
}

/// Every option of `log`.
pub(crate) const OPTIONS: &[Row<Draft>] = &[
    Row::new(
        "output",
        "output stderr|stdout|discard|file PATH",
        "Where it goes.",
        |cx, line, log| {
            log.output = output(cx, line);
        },
    ),
    Row::new(
        "format",
        "format json|console",
        "How it looks.",
        |cx, line, log| {
            const FORMATS: &[(&str, LogFormat)] =
                &[("json", LogFormat::Json), ("console", LogFormat::Console)];
            let Some(word) = line.word(cx) else { return };
            if ["filter", "append", "journald"].contains(&&*word.text) {
                cx.say(
                    word.at,
                    Diagnostic::error(
                        "not-available",
                        format!("log format `{}` is not available yet", word.text),
                    )
                    .label("not available yet")
                    .hint("credentials are never logged; use `json` or `console`"),
                );
            } else {
                log.format = cx.one_of(word, "log format", FORMATS);
            }
        },
    ),
    Row::new(
        "level",
        "level DEBUG|INFO|WARN|ERROR",
        "What it leaves out.",
        |cx, line, log| {
            const LEVELS: &[(&str, LogLevel)] = &[
                ("DEBUG", LogLevel::Debug),
                ("INFO", LogLevel::Info),
                ("WARN", LogLevel::Warn),
                ("ERROR", LogLevel::Error),
            ];
            let Some(word) = line.word(cx) else { return };
            let upper = super::syntax::Token {
                text: word.text.to_ascii_uppercase().into(),
                ..word.clone()
            };
            log.level = cx.one_of(&upper, "log level", LEVELS);
        },
    ),
    Row::later("hostnames", "write a site for each host"),
    Row::later("no_hostname", ""),
    Row::later("sampling", ""),
    Row::later("include", ""),
    Row::later("exclude", ""),
];

/// `log` in a site.
pub(crate) fn directive(cx: &mut Cx<'_>, line: &Line<'_>, body: &mut Body) {
    let Some(draft) = read(cx, line) else { return };
    if let Some(first) = body.site.log_at {
        cx.say(
            line.at(),
            Diagnostic::error(
                "not-available",
                "a second log for one site is not available yet",
            )
            .label("second log")
            .also(first.span, "first log"),
        );
        return;
    }
    body.site.log = Some(draft.settle(LogLevel::Info));
    body.site.log_at = Some(line.at());
}

/// Reads the line and block of a log without a name.
pub(crate) fn read(cx: &mut Cx<'_>, line: &Line<'_>) -> Option<Draft> {
    let (args, block) = line.with_block(cx, 0..=1)?;
    if let Some(name) = args.first().filter(|name| &*name.text != "default") {
        cx.say(
            name.at,
            Diagnostic::error("not-available", "named logs are not available yet")
                .label("leave the name out"),
        );
        return None;
    }
    let mut draft = Draft::default();
    if let Some(block) = block {
        cx.run_block(block, KIND, OPTIONS, &mut draft);
    }
    Some(draft)
}

impl Draft {
    /// Fills in what was not written.
    pub(crate) fn settle(self, level: LogLevel) -> LogSettings {
        LogSettings {
            output: self.output.unwrap_or(LogOutput::Stderr),
            format: self.format,
            level: self.level.unwrap_or(level),
        }
    }
}

fn output(cx: &mut Cx<'_>, line: &Line<'_>) -> Option<LogOutput> {
    let (args, block) = line.with_block(cx, 1..=2)?;
    if let Some(option) = block.and_then(|block| block.segments.first()) {
        let shown = cx.shown(&option.name);
        cx.say(
            option.name.at,
            Diagnostic::error(
                "not-available",
                format!("log output option `{shown}` is not available yet"),
            )
            .label("not available yet")
            .hint("rotate the file with logrotate or write to stderr"),
        );
        return None;
    }
    match args {
        [kind, path] if &*kind.text == "file" => Some(LogOutput::File(PathBuf::from(&*path.text))),
        [kind] if &*kind.text == "file" => {
            cx.say(
                kind.at,
                Diagnostic::error("argument-count", "the path of the file is missing")
                    .label("which file?")
                    .hint(line.syntax()),
            );
            None
        }
        [kind, ..] if &*kind.text == "net" => {
            cx.say(
                kind.at,
                Diagnostic::error("not-available", "log output `net` is not available yet")
                    .label("not available yet")
                    .hint("write to stderr and let the system forward it"),
            );
            None
        }
        [kind] => {
            const OUTPUTS: &[(&str, &LogOutput)] = &[
                ("stderr", &LogOutput::Stderr),
                ("stdout", &LogOutput::Stdout),
                ("discard", &LogOutput::Discard),
            ];
            cx.one_of(kind, "log output", OUTPUTS).cloned()
        }
        _ => {
            cx.say(
                line.at(),
                Diagnostic::error("argument-count", "only `file` has a path")
                    .label("leave the path out")
                    .hint(line.syntax()),
            );
            None
        }
    }
}
