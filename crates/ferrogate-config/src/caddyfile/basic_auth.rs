//! `basic_auth`.

use ferrogate_types::Secret;
use ferrogate_types::route::{Account, BasicAuth, Handler};

use super::body::Body;
use super::context::Cx;
use super::line::Line;
use super::syntax::{Segment, Token};
use crate::diagnostic::Diagnostic;

mod hash;

use hash::Algorithm;

/// How many accounts one directive may have.
const MAX_ACCOUNTS: usize = 10_000;

const ALGORITHMS: &[(&str, Algorithm)] = &[
    ("bcrypt", Algorithm::Bcrypt),
    ("argon2id", Algorithm::Argon2id),
];

pub(crate) fn directive(cx: &mut Cx<'_>, line: &Line<'_>, body: &mut Body) {
    if line.name().is_word("basicauth") {
        deprecated(cx, line, "basic_auth");
    }
    let Some((args, block)) = line.with_block(cx, 0..=2) else {
        return;
    };
    let algorithm = match args.first() {
        None => None,
        Some(word) if &*word.text == "scrypt" => {
            cx.say(
                word.at,
                Diagnostic::error("not-supported", "password hash `scrypt` is not supported")
                    .label("Caddy has dropped it as well")
                    .hint("hash the passwords anew, with `argon2id` or `bcrypt`"),
            );
            return;
        }
        Some(word) => match cx.one_of(word, "password hash", ALGORITHMS) {
            None => return,
            algorithm => algorithm,
        },
    };
    let realm = match args.get(1) {
        None => "restricted".to_owned(),
        Some(word) if word.text.chars().any(char::is_control) => {
            cx.say(
                word.at,
                Diagnostic::error("invalid-value", "a realm is one line of text")
                    .label("has control characters in it"),
            );
            return;
        }
        Some(word) => word.text.to_string(),
    };
    let Some(block) = block.filter(|block| !block.segments.is_empty()) else {
        cx.say(
            line.at(),
            Diagnostic::error("block-missing", "`basic_auth` needs accounts")
                .label("nobody could come in")
                .hint("in its block, write a line for each: USER HASH"),
        );
        return;
    };
    let mut seen: std::collections::HashMap<&str, &Token> = std::collections::HashMap::new();
    let mut accounts = Vec::new();
    for segment in &block.segments {
        if let Some(first) = seen.insert(&segment.name.text, &segment.name) {
            let shown = cx.shown(&segment.name);
            cx.say(
                segment.name.at,
                Diagnostic::error(
                    "duplicate-account",
                    format!("user `{shown}` is listed twice"),
                )
                .label("second line")
                .also(first.at.span, "first line"),
            );
            continue;
        }
        accounts.extend(account(cx, segment, algorithm));
    }
    if accounts.len() > MAX_ACCOUNTS {
        cx.say(
            line.at(),
            Diagnostic::error(
                "too-large",
                format!("`basic_auth` has more than {MAX_ACCOUNTS} accounts"),
            )
            .label("too many"),
        );
        return;
    }
    body.push(cx, line, Handler::BasicAuth(BasicAuth { realm, accounts }));
}

/// Points out a name that Caddy has replaced.
pub(crate) fn deprecated(cx: &mut Cx<'_>, line: &Line<'_>, instead: &str) {
    cx.say(
        line.name().at,
        Diagnostic::warning(
            "deprecated",
            format!("`{}` is now called `{instead}`", line.name().text),
        )
        .label("the old name still works")
        .hint(format!("write `{instead}`")),
    );
}

fn account(cx: &mut Cx<'_>, segment: &Segment, wanted: Option<Algorithm>) -> Option<Account> {
    let line = Line::of(segment, "USER HASH");
    let word = line.word(cx)?;
    if segment.name.text.contains(':') || segment.name.text.is_empty() {
        let shown = cx.shown(&segment.name);
        cx.say(
            segment.name.at,
            Diagnostic::error("invalid-value", format!("`{shown}` is not a user name"))
                .label("not empty, and without a colon")
                .hint(line.syntax()),
        );
        return None;
    }
    let secret = cx.secret(word)?;
    let user = segment.name.text.to_string();
    if secret.is_empty() {
        cx.say(
            word.at,
            Diagnostic::warning(
                "empty-secret",
                format!("user `{user}` has no password hash"),
            )
            .label("is empty, so this user cannot come in"),
        );
        return None;
    }
    let decoded = hash::decode(secret.expose());
    let problem = match decoded.as_deref().map(hash::check) {
        Some(Ok(algorithm)) if wanted.is_none_or(|wanted| wanted == algorithm) => None,
        Some(Ok(_)) => Some("made by the other algorithm"),
        Some(Err(reason)) => Some(reason),
        None => Some("neither a hash nor the base64 of one"),
    };
    if let Some(problem) = problem {
        cx.say(
            word.at,
            Diagnostic::error("password-hash", format!("this is no password hash of `{user}`"))
                .label(problem)
                .hint("write a bcrypt hash (`$2b$...`) or an argon2id hash (`$argon2id$...`), never the password itself"),
        );
        return None;
    }
    let hash = match decoded {
        Some(text) if text != secret.expose() => Secret::new(text, secret.origin().clone()),
        _ => secret,
    };
    Some(Account { user, hash })
}
