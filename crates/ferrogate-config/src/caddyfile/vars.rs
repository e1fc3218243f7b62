//! `vars`.

use ferrogate_types::route::Handler;

use super::body::Body;
use super::context::Cx;
use super::line::Line;
use crate::diagnostic::Diagnostic;

/// Variables that the gateway itself sets.
const RESERVED: [&str; 6] = [
    "root",
    "client_ip",
    "trusted_proxy",
    "log_skip",
    "access_logger_names",
    "http.auth.user.id",
];

pub(crate) fn directive(cx: &mut Cx<'_>, line: &Line<'_>, body: &mut Body) {
    let mut vars = Vec::new();
    if let Some(block) = line.segment.block.as_ref().filter(|_| line.args.is_empty()) {
        for segment in &block.segments {
            if let Some([value]) = Line::of(segment, "NAME VALUE").words(cx) {
                vars.push((&segment.name, cx.value(value)));
            }
        }
    } else if let Some([name, value]) = line.words(cx) {
        vars.push((name, cx.value(value)));
    }
    for (name, _) in vars
        .iter()
        .filter(|(name, _)| RESERVED.contains(&&*name.text))
    {
        cx.say(
            name.at,
            Diagnostic::error(
                "reserved-name",
                format!("variable `{}` is set by the gateway itself", name.text),
            )
            .label("choose another name"),
        );
    }
    if !vars.is_empty() {
        let vars = vars
            .into_iter()
            .map(|(name, value)| (name.text.to_string(), value))
            .collect();
        body.push(cx, line, Handler::Vars(vars));
    }
}
