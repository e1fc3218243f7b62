//! How much may be used: rates and budgets, of whoever they are.

use ferrogate_policy::Hours;
use ferrogate_types::limits::{Amount, Budget, OnExceed, Period, RateLimit, StoreFailure};
use ferrogate_types::{ModelName, Money};

use crate::caddyfile::context::Cx;
use crate::caddyfile::line::Line;
use crate::caddyfile::syntax::Token;
use crate::diagnostic::Diagnostic;

const FAILURES: &[(&str, StoreFailure)] = &[
    ("open", StoreFailure::Open),
    ("closed", StoreFailure::Closed),
];

/// A budget, and the model it names, which is checked when all are known.
#[derive(Clone)]
pub(crate) struct Written {
    pub(super) budget: Budget,
    pub(super) downgrade: Option<Token>,
}

impl Written {
    /// The budget, with the model that serves when it is used up.
    pub(super) fn with_model(self, model: Option<ModelName>) -> Budget {
        Budget {
            on_exceed: model.map_or(self.budget.on_exceed, OnExceed::Downgrade),
            ..self.budget
        }
    }
}

/// `N [on_store_failure open|closed]`
pub(super) fn rate(cx: &mut Cx<'_>, line: &Line<'_>) -> Option<RateLimit> {
    let args = line.list(cx, 1..=3)?;
    let [number, options @ ..] = args else {
        return None;
    };
    let per_minute = cx.number(number, 1..=u64::MAX)?;
    let mut on_store_failure = StoreFailure::Open;
    match options {
        [] => {}
        [word, way] if word.is_word("on_store_failure") => {
            on_store_failure = cx.one_of(way, "way", FAILURES)?;
        }
        [word, ..] => return unexpected(cx, line, word),
    }
    Some(RateLimit {
        per_minute,
        on_store_failure,
    })
}

/// `AMOUNT [tokens] per day|week|month|total [timezone TZ] [on_exceed block|warn|downgrade MODEL]
/// [on_store_failure open|closed]`
pub(super) fn budget(cx: &mut Cx<'_>, line: &Line<'_>) -> Option<Written> {
    let args = line.list(cx, 3..=12)?;
    let [amount, rest @ ..] = args else {
        return None;
    };
    let (amount, rest) = match rest {
        [word, rest @ ..] if word.is_word("tokens") => {
            (Amount::Tokens(cx.number(amount, 0..=u64::MAX)?), rest)
        }
        rest => {
            let money: Money = cx.checked(amount, "amount", amount.text.parse())?;
            (Amount::Money(money), rest)
        }
    };
    let [per, period, options @ ..] = rest else {
        return missing(cx, line);
    };
    let mut rest = options;
    if !per.is_word("per") {
        return unexpected(cx, line, per);
    }
    let mut written = Written {
        budget: Budget {
            amount,
            period: cx.one_of(period, "period", &Period::ALL)?,
            time_zone: "UTC".to_owned(),
            on_exceed: OnExceed::Block,
            on_store_failure: StoreFailure::Closed,
        },
        downgrade: None,
    };
    while let [option, value, after @ ..] = rest {
        rest = after;
        match &*option.text {
            "timezone" => {
                written.budget.time_zone = cx.checked(value, "time zone", zone(&value.text))?;
            }
            "on_exceed" => match (&*value.text, rest) {
                ("block", _) => written.budget.on_exceed = OnExceed::Block,
                ("warn", _) => written.budget.on_exceed = OnExceed::Warn,
                ("downgrade", [model, after @ ..]) => {
                    written.downgrade = Some(model.clone());
                    rest = after;
                }
                _ => {
                    cx.say(
                        value.at,
                        Diagnostic::error("invalid-value", "unknown way to exceed a budget")
                            .label("expected `block`, `warn` or `downgrade MODEL`"),
                    );
                    return None;
                }
            },
            "on_store_failure" => {
                written.budget.on_store_failure = cx.one_of(value, "way", FAILURES)?;
            }
            _ => return unexpected(cx, line, option),
        }
    }
    if let [word, ..] = rest {
        return unexpected(cx, line, word);
    }
    Some(written)
}

/// `monthly_token_budget N`: tokens a calendar month in UTC.
pub(super) fn monthly(cx: &mut Cx<'_>, line: &Line<'_>) -> Option<Written> {
    let tokens = line.number(cx, 1..=u64::MAX)?;
    Some(Written {
        budget: Budget {
            amount: Amount::Tokens(tokens),
            period: Period::Month,
            time_zone: "UTC".to_owned(),
            on_exceed: OnExceed::Block,
            on_store_failure: StoreFailure::Closed,
        },
        downgrade: None,
    })
}

/// Whether a zone exists.
fn zone(name: &str) -> Result<String, &'static str> {
    match name.parse::<Hours>() {
        Ok(_) if name == "UTC" || name.contains('/') => Ok(name.to_owned()),
        _ => Err("is not a time zone (write for instance `Europe/Berlin`)"),
    }
}

fn unexpected<T>(cx: &mut Cx<'_>, line: &Line<'_>, word: &Token) -> Option<T> {
    let shown = cx.shown(word);
    cx.say(
        word.at,
        Diagnostic::error("invalid-value", format!("unexpected word `{shown}`"))
            .label("not how this is written")
            .hint(line.syntax()),
    );
    None
}

fn missing<T>(cx: &mut Cx<'_>, line: &Line<'_>) -> Option<T> {
    cx.say(
        line.at(),
        Diagnostic::error("invalid-value", "a budget is for a period")
            .label("expected `per day|week|month|total`")
            .hint(line.syntax()),
    );
    None
}
