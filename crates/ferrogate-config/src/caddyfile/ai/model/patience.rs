//! `hedge` and `commit_window`: how long a call holds on to one target.

use ferrogate_types::routing::{CommitWindow, Hedge};
use ferrogate_types::{parse_duration, parse_size};

use crate::caddyfile::context::Cx;
use crate::caddyfile::line::Line;
use crate::diagnostic::Diagnostic;

/// Second tries for each hundred requests.
const EXTRA_PERCENT: u8 = 5;

/// The most of a stream that may be held back, in bytes: all streams at once hold so much.
const MAX_HELD: u64 = 16 << 20;

/// `hedge after D [max_extra P%]`
pub(super) fn hedge(cx: &mut Cx<'_>, line: &Line<'_>) -> Option<Hedge> {
    let args = line.list(cx, 2..=4)?;
    let (time, percent) = match args {
        [after, time] if after.is_word("after") => (time, None),
        [after, time, option, percent]
            if after.is_word("after")
                && (option.is_word("max_extra") || option.is_word("max_extra_cost")) =>
        {
            (time, Some(percent))
        }
        _ => {
            cx.say(
                line.at(),
                Diagnostic::error("invalid-value", "nothing says after how long")
                    .label("not how this is written")
                    .hint(line.syntax()),
            );
            return None;
        }
    };
    let after = cx.some_time(time)?;
    let max_extra_percent = match percent {
        Some(percent) => cx.percent(percent, 1..=100)?,
        None => EXTRA_PERCENT,
    };
    Some(Hedge {
        after,
        max_extra_percent,
    })
}

/// `commit_window [N events] [SIZE] [D]`, in any order; what is not written stays as it is by default.
pub(super) fn commit_window(cx: &mut Cx<'_>, line: &Line<'_>) -> Option<CommitWindow> {
    let mut rest = line.list(cx, 1..=4)?;
    let (mut events, mut bytes, mut time) = (None, None, None);
    while let [word, after @ ..] = rest {
        rest = after;
        if let [unit, after @ ..] = rest
            && (unit.is_word("events") || unit.is_word("event"))
        {
            rest = after;
            let number = cx.number(word, 0..=u64::from(u32::MAX))?;
            let second = events.replace(u32::try_from(number).unwrap_or(u32::MAX));
            once(cx, line, word, second.is_some())?;
            continue;
        }
        let bare = word.text.bytes().all(|byte| byte.is_ascii_digit());
        match (parse_duration(&word.text), parse_size(&word.text)) {
            (Ok(span), _) if !bare => once(cx, line, word, time.replace(span).is_some())?,
            (_, Ok(size)) if !bare => {
                let fits = (size <= MAX_HELD)
                    .then_some(size)
                    .ok_or("is more than 16MiB, which every stream may need at once");
                let size = cx.checked(word, "size", fits)?;
                once(cx, line, word, bytes.replace(size).is_some())?;
            }
            _ => {
                let shown = cx.shown(word);
                cx.say(
                    word.at,
                    Diagnostic::error(
                        "invalid-value",
                        format!("`{shown}` is no part of a window"),
                    )
                    .label("expected `N events`, a size such as `64KiB` or a duration such as `2s`")
                    .hint(line.syntax()),
                );
                return None;
            }
        }
    }
    let default = CommitWindow::default();
    Some(CommitWindow {
        events: events.unwrap_or(default.events),
        bytes: bytes.unwrap_or(default.bytes),
        // As everywhere, no time is no limit.
        time: time.filter(|time| !time.is_zero()),
    })
}

/// Complains about the second of a kind.
fn once(
    cx: &mut Cx<'_>,
    line: &Line<'_>,
    word: &crate::caddyfile::syntax::Token,
    second: bool,
) -> Option<()> {
    if !second {
        return Some(());
    }
    let shown = cx.shown(word);
    cx.say(
        word.at,
        Diagnostic::error("invalid-value", format!("`{shown}` is a second limit"))
            .label("one of its kind is written already")
            .hint(line.syntax()),
    );
    None
}
