//! `log`, as a directive and as a global option.

use super::body::Body;
use super::context::Cx;
use super::line::Line;
use super::syntax::{Place, Token};
use super::table::{Kind, Row};
use crate::diagnostic::Diagnostic;
use crate::model::{
    AccessHosts, AccessLog, LogEncoder, LogLevel, LogOutput, LogSettings, ProcessLog, Sampling,
};

pub(crate) mod encoder;
pub(crate) mod filter;
pub(crate) mod output;

const KIND: Kind = Kind {
    noun: "option",
    place: "in `log`",
};
const SAMPLING: Kind = Kind {
    noun: "option",
    place: "in `sampling`",
};

/// A log as it is read.
#[derive(Default)]
pub(crate) struct Draft {
    output: Option<LogOutput>,
    encoder: Option<LogEncoder>,
    level: Option<LogLevel>,
    sampling: Option<Sampling>,
    hostnames: Vec<String>,
    no_hostname: Option<Place>,
    include: Vec<String>,
    exclude: Vec<String>,
}

/// The options that both kinds of log have.
const SHARED: [Row<Draft>; 4] = [
    Row::new(
        "output",
        "output stderr|stdout|discard|file PATH|net ADDRESS [{ ... }]",
        "Where it goes.",
        |cx, line, log| log.output = output::read(cx, line),
    ),
    Row::new(
        "format",
        "format json|console|filter|append [{ ... }]",
        "How it looks.",
        |cx, line, log| log.encoder = encoder::read(cx, line),
    ),
    Row::new(
        "level",
        "level DEBUG|INFO|WARN|ERROR|PANIC|FATAL",
        "What it leaves out.",
        |cx, line, log| log.level = level(cx, line),
    ),
    Row::new(
        "sampling",
        "sampling { ... }",
        "Keeps some of many entries alike.",
        |cx, line, log| {
            let mut sampling = Sampling::default();
            line.options(cx, SAMPLING, SAMPLING_OPTIONS, &mut sampling);
            log.sampling = Some(sampling);
        },
    ),
];

/// Every option of `log` in a site.
pub(crate) const OPTIONS: &[Row<Draft>] = &{
    let [output, format, level, sampling] = SHARED;
    [
        output,
        format,
        level,
        Row::new(
            "hostnames",
            "hostnames HOST...",
            "Only requests of these hosts.",
            |cx, line, log| {
                let hosts = line.texts(cx);
                log.hostnames
                    .extend(hosts.iter().map(|host| host.to_ascii_lowercase()));
            },
        ),
        Row::new(
            "no_hostname",
            "no_hostname",
            "Only requests that `log_name` sends here.",
            |cx, line, log| log.no_hostname = line.flag(cx).then(|| line.at()),
        ),
        sampling,
        Row::never("include", "an access log takes access entries only"),
        Row::never("exclude", "an access log takes access entries only"),
    ]
};

/// Every option of `log` among the global options.
pub(crate) const GLOBAL_OPTIONS: &[Row<Draft>] = &{
    let [output, format, level, sampling] = SHARED;
    [
        output,
        format,
        level,
        Row::new(
            "include",
            "include LOGGER...",
            "Loggers that write here.",
            |cx, line, log| log.include = line.texts(cx),
        ),
        Row::new(
            "exclude",
            "exclude LOGGER...",
            "Loggers that do not.",
            |cx, line, log| log.exclude = line.texts(cx),
        ),
        sampling,
    ]
};

/// Every option of `sampling`.
pub(crate) const SAMPLING_OPTIONS: &[Row<Sampling>] = &[
    Row::new(
        "interval",
        "interval DURATION",
        "How long entries count together; 1s by default.",
        |cx, line, sampling| {
            sampling.interval = line.duration(cx).unwrap_or(sampling.interval);
        },
    ),
    Row::new(
        "first",
        "first N",
        "So many are kept at first; 100 by default.",
        |cx, line, sampling| {
            sampling.first = line.number32(cx, 0..=u32::MAX).unwrap_or(sampling.first);
        },
    ),
    Row::new(
        "thereafter",
        "thereafter N",
        "Then one in so many; 100 by default.",
        |cx, line, sampling| {
            sampling.thereafter = line
                .number32(cx, 0..=u32::MAX)
                .unwrap_or(sampling.thereafter);
        },
    ),
];

/// `log` in a site.
pub(crate) fn directive(cx: &mut Cx<'_>, line: &Line<'_>, body: &mut Body) {
    let Some((args, block)) = line.with_block(cx, 0..=1) else {
        return;
    };
    let mut draft = Draft::default();
    if let Some(block) = block {
        cx.run_block(block, KIND, OPTIONS, &mut draft);
    }
    let name = args.first();
    if let Some((_, first)) = body
        .site
        .logs
        .iter()
        .find(|(log, _)| log.name.as_deref() == name.map(|name| &*name.text))
    {
        let what = if name.is_some() {
            "of this name"
        } else {
            "without a name"
        };
        cx.say(
            line.at(),
            Diagnostic::error(
                "duplicate-log",
                format!("the site has a log {what} already"),
            )
            .label("second log")
            .also(first.span, "first log")
            .hint("give it another name: `log NAME`"),
        );
        return;
    }
    let hosts = match (draft.no_hostname, draft.hostnames.is_empty()) {
        (Some(at), false) => {
            cx.say(
                at,
                Diagnostic::error(
                    "contradiction",
                    "`hostnames` and `no_hostname` exclude one another",
                )
                .label("leave one of them out"),
            );
            return;
        }
        (Some(_), true) => AccessHosts::None,
        (None, false) => AccessHosts::Only(std::mem::take(&mut draft.hostnames)),
        (None, true) => AccessHosts::All,
    };
    let log = AccessLog {
        name: name.map(|name| name.text.to_string()),
        hosts,
        inherits: draft.is_silent(),
        settings: draft.settle(LogLevel::Info),
    };
    body.site.logs.push((log, line.at()));
}

/// `log` among the global options: its name, if it has one, and what it says.
pub(crate) fn global<'a>(cx: &mut Cx<'_>, line: &Line<'a>) -> Option<(Option<&'a Token>, Draft)> {
    let (args, block) = line.with_block(cx, 0..=1)?;
    let mut draft = Draft::default();
    if let Some(block) = block {
        cx.run_block(block, KIND, GLOBAL_OPTIONS, &mut draft);
    }
    let both = draft
        .include
        .iter()
        .find(|name| draft.exclude.contains(name));
    if let Some(both) = both {
        cx.say(
            line.at(),
            Diagnostic::error(
                "contradiction",
                format!("logger `{both}` is both included and excluded"),
            )
            .label("in this log"),
        );
    }
    let name = args.first().filter(|name| &*name.text != "default");
    Some((name, draft))
}

impl Draft {
    /// Whether nothing was written of where entries go and how they look.
    fn is_silent(&self) -> bool {
        self.output.is_none()
            && self.encoder.is_none()
            && self.level.is_none()
            && self.sampling.is_none()
    }

    /// Fills in what was not written.
    pub(crate) fn settle(self, level: LogLevel) -> LogSettings {
        LogSettings {
            output: self.output.unwrap_or(LogOutput::Stderr),
            encoder: self.encoder,
            level: self.level.unwrap_or(level),
            sampling: self.sampling,
        }
    }

    /// As a log of the process.
    pub(crate) fn process(mut self, name: &str, level: LogLevel) -> ProcessLog {
        ProcessLog {
            name: name.to_owned(),
            include: std::mem::take(&mut self.include),
            exclude: std::mem::take(&mut self.exclude),
            settings: self.settle(level),
        }
    }
}

fn level(cx: &mut Cx<'_>, line: &Line<'_>) -> Option<LogLevel> {
    const LEVELS: &[(&str, LogLevel)] = &[
        ("DEBUG", LogLevel::Debug),
        ("INFO", LogLevel::Info),
        ("WARN", LogLevel::Warn),
        ("ERROR", LogLevel::Error),
        ("PANIC", LogLevel::Panic),
        ("FATAL", LogLevel::Fatal),
    ];
    let word = line.word(cx)?;
    let upper = Token {
        text: word.text.to_ascii_uppercase().into(),
        ..word.clone()
    };
    cx.one_of(&upper, "log level", LEVELS)
}
