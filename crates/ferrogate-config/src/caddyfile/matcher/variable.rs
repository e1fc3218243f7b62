//! Conditions on variables and placeholders.

use ferrogate_types::Template;
use ferrogate_types::route::{Matcher, Subject, VarsRegexp};

use super::{Conditions, named_regexp};
use crate::caddyfile::context::Cx;
use crate::caddyfile::line::Line;
use crate::caddyfile::syntax::Token;

/// `vars NAME VALUE...`
pub(super) fn vars(cx: &mut Cx<'_>, line: &Line<'_>, out: &mut Conditions) {
    let Some((name, values)) = line
        .list(cx, 2..=usize::MAX)
        .and_then(<[Token]>::split_first)
    else {
        return;
    };
    let subject = subject(cx, name);
    let values: Vec<Template> = values.iter().map(|value| cx.template(value)).collect();
    if let Some(Matcher::Vars(pairs)) = out.iter_mut().find(|m| matches!(m, Matcher::Vars(_))) {
        pairs.push((subject, values));
    } else {
        out.push(Matcher::Vars(vec![(subject, values)]));
    }
}

/// `vars_regexp [NAME] VARIABLE REGEX`
pub(super) fn vars_regexp(cx: &mut Cx<'_>, line: &Line<'_>, out: &mut Conditions) {
    let Some(args) = line.list(cx, 2..=3) else {
        return;
    };
    let (name, variable, regex) = match args {
        [variable, regex] => (None, variable, regex),
        [name, variable, regex] => (Some(name), variable, regex),
        _ => return,
    };
    let Some(regexp) = named_regexp(cx, name, regex) else {
        return;
    };
    let entry = VarsRegexp {
        subject: subject(cx, variable),
        regexp,
    };
    if let Some(Matcher::VarsRegexp(entries)) =
        out.iter_mut().find(|m| matches!(m, Matcher::VarsRegexp(_)))
    {
        entries.push(entry);
    } else {
        out.push(Matcher::VarsRegexp(vec![entry]));
    }
}

/// A placeholder with its braces, or the name of a variable.
fn subject(cx: &mut Cx<'_>, word: &Token) -> Subject {
    if word.text.starts_with('{') && word.text.ends_with('}') {
        Subject::Text(cx.template(word))
    } else {
        Subject::Variable(word.text.to_string())
    }
}
