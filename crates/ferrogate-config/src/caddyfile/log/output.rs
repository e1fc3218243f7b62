//! `output`: where a log goes.

use std::path::PathBuf;
use std::time::Duration;

use crate::caddyfile::context::Cx;
use crate::caddyfile::line::Line;
use crate::caddyfile::syntax::Token;
use crate::caddyfile::table::{Kind, Row};
use crate::diagnostic::Diagnostic;
use crate::model::{DirMode, LogFile, LogNet, LogOutput, Roll, RollCompression};

const FILE: Kind = Kind {
    noun: "option",
    place: "in `output file`",
};
const NET: Kind = Kind {
    noun: "option",
    place: "in `output net`",
};

/// A file as it is read.
pub(crate) struct Draft {
    mode: u32,
    dir_mode: DirMode,
    roll: Roll,
    rolls: bool,
}

/// Every option of `output file`.
pub(crate) const FILE_OPTIONS: &[Row<Draft>] = &[
    Row::new(
        "mode",
        "mode PERMISSIONS",
        "The file's permissions; 0600 by default.",
        |cx, line, file| {
            if let Some(mode) = line.word(cx).and_then(|word| permissions(cx, word)) {
                file.mode = mode;
            }
        },
    ),
    Row::new(
        "dir_mode",
        "dir_mode PERMISSIONS|inherit|from_file",
        "Permissions of folders made for it; 0700 by default.",
        |cx, line, file| {
            let Some(word) = line.word(cx) else { return };
            let mode = match &*word.text {
                "inherit" => Some(DirMode::Inherit),
                "from_file" => Some(DirMode::FromFile),
                _ => permissions(cx, word).map(DirMode::Mode),
            };
            file.dir_mode = mode.unwrap_or(file.dir_mode);
        },
    ),
    Row::new(
        "roll_disabled",
        "roll_disabled",
        "The file grows without end.",
        |cx, line, file| file.rolls = !line.flag(cx),
    ),
    Row::new(
        "roll_size",
        "roll_size SIZE",
        "Put aside before it is larger, rounded up to MiB; 100MiB by default.",
        |cx, line, file| {
            if let Some(size) = line.size(cx) {
                file.roll.size = size.div_ceil(1 << 20).max(1) << 20;
            }
        },
    ),
    Row::new(
        "roll_keep",
        "roll_keep N",
        "So many old files are kept; 10 by default.",
        |cx, line, file| {
            file.roll.keep = line.number32(cx, 0..=1_000_000).unwrap_or(file.roll.keep);
        },
    ),
    Row::new(
        "roll_keep_for",
        "roll_keep_for DURATION",
        "Old files are kept so long, rounded up to days; 2160h by default.",
        |cx, line, file| {
            if let Some(keep) = line.duration(cx) {
                file.roll.keep_for = DAY * u32::try_from(days(keep)).unwrap_or(u32::MAX);
            }
        },
    ),
    Row::new(
        "roll_uncompressed",
        "roll_uncompressed",
        "Old files stay as they are.",
        |cx, line, file| {
            if line.flag(cx) {
                file.roll.compression = RollCompression::None;
            }
        },
    ),
    Row::new(
        "roll_compression",
        "roll_compression gzip|zstd|none",
        "How old files are compressed; gzip by default.",
        |cx, line, file| {
            const NAMES: &[(&str, RollCompression)] = &[
                ("gzip", RollCompression::Gzip),
                ("zstd", RollCompression::Zstd),
                ("none", RollCompression::None),
            ];
            if let Some(compression) = line
                .word(cx)
                .and_then(|word| cx.one_of(word, "compression", NAMES))
            {
                file.roll.compression = compression;
            }
        },
    ),
    Row::new(
        "roll_local_time",
        "roll_local_time",
        "Local time in the names of old files.",
        |cx, line, file| file.roll.local_time = line.flag(cx),
    ),
    Row::new(
        "roll_interval",
        "roll_interval DURATION",
        "Also put aside after so long.",
        |cx, line, file| {
            let interval = line.duration(cx);
            if interval.is_some_and(|interval| interval < Duration::from_secs(1)) {
                cx.say(
                    line.at(),
                    Diagnostic::error("invalid-value", "the interval is shorter than a second")
                        .label("a new file at every moment"),
                );
            }
            file.roll.interval = interval;
        },
    ),
    Row::new(
        "roll_minutes",
        "roll_minutes MINUTE...",
        "Also put aside at these minutes of the hour.",
        |cx, line, file| {
            for word in &words(cx, line) {
                let minute = cx.number(word, 0..=59);
                file.roll
                    .minutes
                    .extend(minute.and_then(|minute| u8::try_from(minute).ok()));
            }
        },
    ),
    Row::new(
        "roll_at",
        "roll_at HH:MM...",
        "Also put aside at these times of day.",
        |cx, line, file| {
            for word in &words(cx, line) {
                let at = time_of_day(&word.text).ok_or("is not `HH:MM`");
                file.roll.at.extend(cx.checked(word, "time of day", at));
            }
        },
    ),
    Row::new(
        "backup_time_format",
        "backup_time_format LAYOUT",
        "The time in the names of old files.",
        |cx, line, file| file.roll.backup_time_format = line.text(cx),
    ),
];

/// Every option of `output net`.
pub(crate) const NET_OPTIONS: &[Row<LogNet>] = &[
    Row::new(
        "dial_timeout",
        "dial_timeout DURATION",
        "Connecting; 10s by default.",
        |cx, line, net| net.dial_timeout = line.duration(cx).unwrap_or(net.dial_timeout),
    ),
    Row::new(
        "soft_start",
        "soft_start",
        "Starts although nobody listens there.",
        |cx, line, net| net.soft_start = line.flag(cx),
    ),
];

const DAY: Duration = Duration::from_hours(24);

fn days(duration: Duration) -> u64 {
    duration.as_secs().div_ceil(DAY.as_secs())
}

/// Reads `output KIND …`.
pub(super) fn read(cx: &mut Cx<'_>, line: &Line<'_>) -> Option<LogOutput> {
    const OUTPUTS: &[(&str, Option<&LogOutput>)] = &[
        ("stderr", Some(&LogOutput::Stderr)),
        ("stdout", Some(&LogOutput::Stdout)),
        ("discard", Some(&LogOutput::Discard)),
        ("file", None),
        ("net", None),
    ];
    let (args, block) = line.with_block(cx, 1..=2)?;
    let (kind, target) = args.split_first()?;
    let simple = cx.one_of(kind, "log output", OUTPUTS)?;
    let target = target.first();
    match (simple, target) {
        (Some(output), None) => {
            if let Some(option) = block.and_then(|block| block.segments.first()) {
                let shown = cx.shown(&option.name);
                cx.say(
                    option.name.at,
                    Diagnostic::error("unknown-option", format!("unknown option `{shown}`"))
                        .label(format!("`{}` has no options", kind.text)),
                );
            }
            Some(output.clone())
        }
        (Some(_), Some(target)) => {
            cx.say(
                target.at,
                Diagnostic::error("argument-count", "only `file` and `net` have a target")
                    .label("leave it out")
                    .hint(line.syntax()),
            );
            None
        }
        (None, None) => {
            cx.say(
                kind.at,
                Diagnostic::error("argument-count", format!("`{}` has no target", kind.text))
                    .label("a path or an address must follow")
                    .hint(line.syntax()),
            );
            None
        }
        (None, Some(target)) if &*kind.text == "file" => {
            let mut file = Draft {
                mode: 0o600,
                dir_mode: DirMode::Private,
                roll: Roll::default(),
                rolls: true,
            };
            if let Some(block) = block {
                cx.run_block(block, FILE, FILE_OPTIONS, &mut file);
            }
            Some(LogOutput::File(LogFile {
                path: PathBuf::from(&*target.text),
                mode: file.mode,
                dir_mode: file.dir_mode,
                roll: file.rolls.then_some(file.roll),
            }))
        }
        (None, Some(target)) => {
            let mut net = LogNet {
                address: address(cx, target)?,
                dial_timeout: Duration::from_secs(10),
                soft_start: false,
            };
            if let Some(block) = block {
                cx.run_block(block, NET, NET_OPTIONS, &mut net);
            }
            Some(LogOutput::Net(net))
        }
    }
}

fn address(cx: &mut Cx<'_>, word: &Token) -> Option<String> {
    let text: &str = &word.text;
    let good = match text.split_once('/') {
        Some(("unix" | "unixgram", path)) => path.starts_with('/'),
        Some((network, rest)) => {
            ["tcp", "tcp4", "tcp6", "udp", "udp4", "udp6"].contains(&network) && has_port(rest)
        }
        None => has_port(text),
    };
    cx.checked(
        word,
        "address",
        good.then(|| text.to_owned())
            .ok_or("is not `HOST:PORT`, `udp/HOST:PORT` or `unix//PATH`"),
    )
}

fn has_port(text: &str) -> bool {
    text.rsplit_once(':')
        .is_some_and(|(_, port)| port.parse::<u16>().is_ok_and(|port| port > 0))
}

fn permissions(cx: &mut Cx<'_>, word: &Token) -> Option<u32> {
    let mode = u32::from_str_radix(&word.text, 8)
        .ok()
        .filter(|mode| *mode <= 0o7777);
    cx.checked(
        word,
        "mode",
        mode.ok_or("is not a number in octal, such as `0640`"),
    )
}

/// The arguments; commas may stand between them.
fn words(cx: &mut Cx<'_>, line: &Line<'_>) -> Vec<Token> {
    let words = line.list(cx, 1..=usize::MAX).unwrap_or_default();
    words
        .iter()
        .flat_map(|word| {
            word.text
                .split(',')
                .filter(|part| !part.is_empty())
                .map(|part| Token {
                    text: part.into(),
                    ..word.clone()
                })
        })
        .collect()
}

fn time_of_day(text: &str) -> Option<(u8, u8)> {
    let (hour, minute) = text.split_once(':')?;
    let hour = hour.parse().ok().filter(|hour| *hour < 24)?;
    let minute = minute.parse().ok().filter(|minute| *minute < 60)?;
    Some((hour, minute))
}
