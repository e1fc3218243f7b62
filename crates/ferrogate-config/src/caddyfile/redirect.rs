//! `redir`.

use ferrogate_types::route::{Handler, RedirectCode};

use super::body::Body;
use super::context::Cx;
use super::line::Line;
use super::syntax::Token;
use crate::diagnostic::Diagnostic;

pub(crate) fn directive(cx: &mut Cx<'_>, line: &Line<'_>, body: &mut Body) {
    if line.args.is_empty()
        && let [only] = line.segment.args.as_slice()
    {
        let shown = cx.shown(only);
        cx.say(
            only.at,
            Diagnostic::error("argument-count", "`redir` has no target")
                .label("this is the matcher, because it begins with a slash or `@`")
                .hint(format!(
                    "to redirect everything there, write `redir * {shown}`"
                )),
        );
        return;
    }
    let Some(args) = line.list(cx, 1..=2) else {
        return;
    };
    let Some((target, code)) = args.split_first() else {
        return;
    };
    if target.text.len() == 3 && target.text.bytes().all(|b| b.is_ascii_digit()) {
        let matcher = line
            .segment
            .args
            .first()
            .map(|first| cx.shown(first))
            .unwrap_or_default();
        cx.say(
            target.at,
            Diagnostic::warning(
                "redirect-target",
                format!("this redirects to the relative address `{}`", target.text),
            )
            .label(format!(
                "taken as the target, because `{matcher}` is taken as the matcher"
            ))
            .hint(format!(
                "to redirect everything to `{matcher}`, write `redir * {matcher} {}`",
                target.text
            )),
        );
    }
    let to = cx.template(target);
    let code = match code.first() {
        None => Some(RedirectCode::Status(302)),
        Some(word) => redirect_code(cx, word),
    };
    if let Some(code) = code {
        body.push(cx, line, Handler::Redirect { to, code });
    }
}

fn redirect_code(cx: &mut Cx<'_>, word: &Token) -> Option<RedirectCode> {
    match &*word.text {
        "temporary" => Some(RedirectCode::Status(302)),
        "permanent" => Some(RedirectCode::Status(301)),
        "html" => Some(RedirectCode::Html),
        text if text.starts_with('{') => Some(RedirectCode::Template(cx.template(word))),
        text => {
            let status = text
                .parse::<u16>()
                .ok()
                .filter(|status| (300..=399).contains(status) || *status == 401);
            if status.is_none() {
                let shown = cx.shown(word);
                cx.say(
                    word.at,
                    Diagnostic::error(
                        "invalid-status",
                        format!("`{shown}` is not a redirect status"),
                    )
                    .label("300 to 399, 401, `temporary`, `permanent` or `html`"),
                );
            }
            status.map(RedirectCode::Status)
        }
    }
}
