//! What a strategy asks of the targets.

use std::collections::HashMap;

use ferrogate_types::routing::Strategy;

use super::Options;
use super::target::Written;
use crate::caddyfile::ai::pattern::STAR;
use crate::caddyfile::context::Cx;
use crate::caddyfile::syntax::{Place, Token};
use crate::diagnostic::Diagnostic;
use crate::model::Target;

/// The other names on the line of a model, without those that cannot be.
pub(super) fn aliases(cx: &mut Cx<'_>, name: &Token, aliases: &[Token]) -> Vec<Token> {
    let pattern = name.text.contains(STAR);
    let (good, bad): (Vec<&Token>, Vec<&Token>) = aliases
        .iter()
        .partition(|alias| !pattern && !alias.text.contains(STAR));
    for alias in bad {
        let shown = cx.shown(alias);
        let diagnostic = if pattern {
            Diagnostic::error("pattern-alias", "a pattern has no other names")
                .label("another name")
                .also(name.at.span, "stands for many names already")
                .hint(format!("write a `model` of its own for `{shown}`"))
        } else {
            Diagnostic::error(
                "pattern-alias",
                format!("`{shown}` is a pattern, which cannot be another name of a model"),
            )
            .label("stands for many names")
            .hint(format!(
                "write `model {shown} -> PROVIDER` on a line of its own"
            ))
        };
        cx.say(alias.at, diagnostic);
    }
    good.into_iter().cloned().collect()
}

/// Checks that the strategy can work with these targets, which are one for each of those written.
pub(super) fn routing(cx: &mut Cx<'_>, name: &Token, options: &Options, targets: &[Target]) {
    if options.strategy_unknown {
        return;
    }
    let default = Strategy::default();
    let (strategy, at) = options
        .strategy
        .as_ref()
        .map_or((&default, name.at), |(strategy, at)| (strategy, *at));
    match strategy {
        Strategy::Single => single(cx, at, &options.targets),
        Strategy::AbTest => labels(cx, at, &options.targets),
        Strategy::Conditional | Strategy::Content => others(cx, at, &options.targets),
        _ => {}
    }
    let conditional = matches!(strategy, Strategy::Conditional | Strategy::Content);
    if let Some(when) = options.targets.iter().find_map(|t| t.details.when_at)
        && !conditional
    {
        cx.say(
            when,
            Diagnostic::warning("no-effect", "this strategy does not look at conditions")
                .label("has no effect")
                .hint("write `strategy conditional`"),
        );
    }
    // A weight of 0 says something everywhere: only when nothing else is left.
    let weighs = !matches!(strategy, Strategy::Single | Strategy::Fallback) && !conditional;
    let heavy = options.targets.iter().find_map(|t| t.details.heavier());
    if let Some(weight) = heavy.filter(|_| !weighs) {
        cx.say(
            weight,
            Diagnostic::warning("no-effect", "this strategy does not look at weights")
                .label("has no effect")
                .hint("write for instance `strategy weighted`"),
        );
    }
    if targets.iter().all(|target| target.routing.weight == 0) {
        cx.say(
            at,
            Diagnostic::error("no-weight", "every target has weight 0")
                .label("none of them would ever be chosen")
                .hint("give one of them a weight"),
        );
    }
    sticky(cx, strategy, options);
    if let (Some((_, hedge)), [_]) = (&options.hedge, targets) {
        cx.say(
            *hedge,
            Diagnostic::warning("no-effect", "there is no second target to try")
                .label("has no effect"),
        );
    }
}

fn single(cx: &mut Cx<'_>, at: Place, targets: &[Written]) {
    if let [_, second, ..] = targets {
        cx.say(
            at,
            Diagnostic::error(
                "single-target",
                "`single` uses one target, but several are given",
            )
            .label("contradicts the targets")
            .also(second.word.at.span, "would never be used")
            .hint("use `strategy fallback`, or leave one target"),
        );
    }
}

fn labels(cx: &mut Cx<'_>, at: Place, targets: &[Written]) {
    if targets.len() < 2 {
        cx.say(
            at,
            Diagnostic::error("ab-test", "an A/B test needs two targets at least")
                .label("there is nothing to compare"),
        );
        return;
    }
    let mut seen: HashMap<String, Place> = HashMap::new();
    for target in targets {
        let Some(label) = &target.details.label else {
            let shown = cx.shown(&target.word);
            cx.say(
                target.word.at,
                Diagnostic::error("ab-test", format!("target `{shown}` has no label"))
                    .label("logs and metrics could not tell it from the others")
                    .hint(format!("add `target {shown} {{ label NAME }}`")),
            );
            continue;
        };
        if let Some(first) = seen.get(&label.text.to_lowercase()) {
            let shown = cx.shown(label);
            cx.say(
                label.at,
                Diagnostic::error("ab-test", format!("two targets have the label `{shown}`"))
                    .label("second one; upper and lower case are the same")
                    .also(first.span, "first one"),
            );
            continue;
        }
        seen.insert(label.text.to_lowercase(), label.at);
    }
}

/// One target at most takes what no condition holds for.
fn others(cx: &mut Cx<'_>, at: Place, targets: &[Written]) {
    let mut without = targets.iter().filter(|t| t.details.when_at.is_none());
    if let (Some(first), Some(second)) = (without.next(), without.next()) {
        let shown = cx.shown(&second.word);
        cx.say(
            second.word.at,
            Diagnostic::error("no-condition", format!("target `{shown}` has no condition"))
                .label("would never be chosen")
                .also(first.word.at.span, "takes what no condition holds for")
                .also(at.span, "chooses by conditions")
                .hint(format!("add `target {shown} {{ when CONDITION }}`")),
        );
    }
}

fn sticky(cx: &mut Cx<'_>, strategy: &Strategy, options: &Options) {
    let Some((_, at)) = &options.sticky else {
        return;
    };
    let moves = matches!(
        strategy,
        Strategy::Weighted
            | Strategy::RoundRobin
            | Strategy::LeastLatency
            | Strategy::LeastBusy
            | Strategy::LowestCost(_)
            | Strategy::AbTest
    );
    if !moves {
        let hint = match strategy {
            Strategy::Hash(_) => {
                "`hash` is sticky by itself; write `strategy hash KEY ttl D` for a time"
            }
            _ => {
                "use `weighted`, `round_robin`, `least_latency`, `lowest_cost`, `least_busy` or `ab_test`"
            }
        };
        cx.say(
            *at,
            Diagnostic::error(
                "sticky",
                "callers cannot stick to a target of this strategy",
            )
            .label("contradicts the strategy")
            .hint(hint),
        );
    }
}
