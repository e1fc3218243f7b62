//! `jwt ISSUER { … }`.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use ferrogate_types::{ScopeSet, format_duration};

use super::{Draft, scopes};
use crate::caddyfile::context::Cx;
use crate::caddyfile::line::Line;
use crate::caddyfile::syntax::{Place, Token};
use crate::caddyfile::table::{Kind, Row};
use crate::diagnostic::Diagnostic;
use crate::model::{JWT_ALGORITHMS, JWT_ALGORITHMS_BY_DEFAULT, JwtIssuer};

const KIND: Kind = Kind {
    noun: "token option",
    place: "in `jwt`",
};

/// How far clocks may be apart: more than that is a clock to be set.
const MOST_SKEW: Duration = Duration::from_mins(10);
/// How often keys may be fetched at most, and at least.
const REFRESH: [Duration; 2] = [Duration::from_secs(1), Duration::from_hours(24)];

/// An issuer, and the tenant it names, which is checked when all are known.
pub(crate) struct Named {
    pub(super) issuer: JwtIssuer,
    pub(super) tenant: Option<Token>,
    at: Place,
}

/// Every option of an issuer of tokens.
pub(crate) const OPTIONS: &[Row<Named>] = &[
    Row::new(
        "jwks",
        "jwks URL",
        "Where its public keys are: `https`, or `http` on this machine.",
        |cx, line, named| {
            if let Some(word) = line.word(cx) {
                named.issuer.jwks = url(cx, word).unwrap_or_else(|| word.text.to_string());
            }
        },
    ),
    Row::many(
        "audience",
        "audience NAME...",
        "Whom its tokens must be meant for (`aud`): one of these.",
        |cx, line, named| named.issuer.audience.extend(line.texts(cx)),
    ),
    Row::many(
        "algorithms",
        "algorithms NAME...",
        "What its tokens may be signed with; RS256, ES256 and EdDSA by default.",
        |cx, line, named| {
            let names = JWT_ALGORITHMS.map(|name| (name, name));
            for word in line.list(cx, 1..=names.len()).unwrap_or_default() {
                let name = cx.one_of(word, "algorithm", &names);
                named.issuer.algorithms.extend(name);
            }
        },
    ),
    Row::new(
        "tenant_claim",
        "tenant_claim NAME",
        "The claim with the tenant's id; a token without it is refused.",
        |cx, line, named| named.issuer.tenant_claim = line.text(cx),
    ),
    Row::new(
        "tenant",
        "tenant ID",
        "The tenant of every token, where no claim says it.",
        |cx, line, named| named.tenant = line.word(cx).cloned(),
    ),
    Row::new(
        "user_claim",
        "user_claim NAME",
        "The claim with the user's id; `sub` by default.",
        |cx, line, named| named.issuer.user_claim = line.text(cx).unwrap_or_default(),
    ),
    Row::new(
        "scope_claim",
        "scope_claim NAME",
        "The claim with what the bearer may do: words in a text, or an array.",
        |cx, line, named| named.issuer.scope_claim = line.text(cx),
    ),
    Row::many(
        "scope",
        "scope VALUE SCOPE... | *",
        "What a word of that claim means; other words mean the scope of that name, if there is one.",
        |cx, line, named| {
            if let Some([value, words @ ..]) = line.list(cx, 2..=64) {
                let meant = scopes::read(cx, words);
                let of_word = named.issuer.scope.entry(value.text.to_string());
                let known = of_word.or_insert(ScopeSet::EMPTY);
                *known = known.iter().chain(meant).collect();
            }
        },
    ),
    Row::many(
        "scopes",
        "scopes SCOPE... | *",
        "What every bearer may do.",
        |cx, line, named| {
            let words = line.list(cx, 1..=64).unwrap_or_default();
            let meant = scopes::read(cx, words);
            named.issuer.scopes = named.issuer.scopes.iter().chain(meant).collect();
        },
    ),
    Row::new(
        "clock_skew",
        "clock_skew DURATION",
        "How far its clock may be from this one; 60s by default, 10m at most.",
        |cx, line, named| {
            let skew = within(cx, line, Duration::ZERO, MOST_SKEW);
            named.issuer.clock_skew = skew.unwrap_or_default();
        },
    ),
    Row::new(
        "refresh",
        "refresh DURATION",
        "How often its keys are fetched; 1h by default.",
        |cx, line, named| {
            let [shortest, longest] = REFRESH;
            named.issuer.refresh = within(cx, line, shortest, longest).unwrap_or(shortest);
        },
    ),
];

pub(crate) fn read(cx: &mut Cx<'_>, line: &Line<'_>, draft: &mut Draft) {
    let Some(([name], block)) = line.with_block(cx, 1..=1) else {
        return;
    };
    let shown = cx.shown(name);
    let odd = |c: char| c.is_whitespace() || c.is_control();
    if name.text.is_empty() || name.text.contains(odd) {
        cx.say(
            name.at,
            Diagnostic::error("invalid-value", format!("`{shown}` is no issuer of tokens"))
                .label("its name, exactly as its tokens say it in `iss`")
                .hint(line.syntax()),
        );
    }
    let mut named = Named {
        issuer: JwtIssuer {
            issuer: name.text.to_string(),
            jwks: String::new(),
            audience: Vec::new(),
            algorithms: Vec::new(),
            tenant_claim: None,
            tenant: None,
            user_claim: "sub".to_owned(),
            scope_claim: None,
            scope: BTreeMap::new(),
            scopes: ScopeSet::EMPTY,
            clock_skew: Duration::from_mins(1),
            refresh: Duration::from_hours(1),
            origin: cx.origin(line.name()),
        },
        tenant: None,
        at: name.at,
    };
    if let Some(block) = block {
        cx.run_block(block, KIND, OPTIONS, &mut named);
    }
    let written = |option: &str| {
        let mut lines = block.into_iter().flat_map(|block| &block.segments);
        lines.any(|line| line.name.is_word(option))
    };
    whole(cx, &shown, &named, written);
    if named.issuer.algorithms.is_empty() {
        named.issuer.algorithms = JWT_ALGORITHMS_BY_DEFAULT.to_vec();
    }
    if let Some(first) = draft
        .jwt
        .iter()
        .find(|known| known.issuer.issuer == *name.text)
    {
        let first = first.at;
        cx.say(
            name.at,
            Diagnostic::error(
                "duplicate-issuer",
                format!("issuer `{shown}` is defined twice"),
            )
            .label("second definition")
            .also(first.span, "first definition"),
        );
        return;
    }
    draft.jwt.push(named);
}

/// Complains about what is missing, or would mean nothing. `written` says which options there are, right or wrong.
fn whole(cx: &mut Cx<'_>, shown: &str, named: &Named, written: impl Fn(&str) -> bool) {
    let issuer = &named.issuer;
    let mut complain = |diagnostic: Diagnostic| cx.say(named.at, diagnostic);
    if !written("jwks") {
        complain(
            Diagnostic::error("jwks-missing", format!("issuer `{shown}` has no keys"))
                .label("where are the keys that its tokens are signed with?")
                .hint("add for instance `jwks https://id.example.com/.well-known/jwks.json`"),
        );
    }
    if !written("audience") {
        complain(
            Diagnostic::error(
                "audience-missing",
                format!("no token of issuer `{shown}` is meant for this gateway"),
            )
            .label("what does the claim `aud` of those say that are?")
            .hint("add for instance `audience llm-gateway`"),
        );
    }
    if written("tenant") && written("tenant_claim") {
        complain(
            Diagnostic::error(
                "tenant-twice",
                format!("tokens of issuer `{shown}` have two tenants"),
            )
            .label("either a claim says it, or it is the same for all")
            .hint("leave out `tenant` or `tenant_claim`"),
        );
    }
    if !issuer.scope.is_empty() && issuer.scope_claim.is_none() {
        complain(
            Diagnostic::error(
                "scope-claim-missing",
                format!("nothing says where tokens of issuer `{shown}` have these words"),
            )
            .label("`scope` is about the words of a claim")
            .hint("add for instance `scope_claim scope`"),
        );
    }
    if !["scopes", "scope_claim", "scope"]
        .iter()
        .any(|option| written(option))
    {
        complain(
            Diagnostic::warning(
                "no-scopes",
                format!("tokens of issuer `{shown}` have no scope and can do nothing"),
            )
            .label("legal, and useless")
            .hint("add for instance `scopes models.read chat.completions`, or `scope_claim scope`"),
        );
    }
}

/// A duration between two others.
fn within(
    cx: &mut Cx<'_>,
    line: &Line<'_>,
    shortest: Duration,
    longest: Duration,
) -> Option<Duration> {
    let word = line.word(cx)?;
    let time = cx.duration(word)?;
    let checked = if (shortest..=longest).contains(&time) {
        Ok(time)
    } else {
        let [shortest, longest] = [shortest, longest].map(format_duration);
        Err(format!("does not lie between {shortest} and {longest}"))
    };
    cx.checked(word, "duration", checked)
}

/// Where keys are: nobody on the way may exchange them.
fn url(cx: &mut Cx<'_>, word: &Token) -> Option<String> {
    let text: &str = &word.text;
    let (secure, rest) = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
        (Some(rest), _) => (true, rest),
        (None, Some(rest)) => (false, rest),
        (None, None) => (true, ""),
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let odd = |c: char| c.is_whitespace() || c.is_control() || "{}\\\"<>".contains(c);
    let problem = if rest.is_empty() {
        "must begin with `https://`"
    } else if authority.contains('@') {
        cx.report.redact(word.at.span);
        "must not have credentials in it"
    } else if authority.is_empty() || authority.starts_with(':') {
        "has no host"
    } else if rest.contains('#') {
        "must not have a fragment"
    } else if rest.contains(odd) {
        "has characters that no URL has"
    } else if !secure && !is_here(authority) {
        "must begin with `https://`, since it is on another machine"
    } else {
        return Some(text.to_owned());
    };
    cx.say(
        word.at,
        Diagnostic::error("invalid-url", format!("the address of the keys {problem}"))
            .label("not where public keys can be fetched")
            .hint("write for instance `https://id.example.com/.well-known/jwks.json`"),
    );
    None
}

/// Whether a host, maybe with a port, is this machine.
fn is_here(authority: &str) -> bool {
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next(),
        None => authority.split(':').next(),
    };
    let host = host.unwrap_or_default();
    host == "localhost" || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}
