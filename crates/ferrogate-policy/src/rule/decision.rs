//! What rules say of a call.

use super::rank::Dimension;
use super::spec::{Effect, Rule};

/// What rules say of a call that would go to one target. Where no rule speaks of it, it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision<'a> {
    /// The rule that decided.
    pub rule: Option<&'a Rule>,
    /// A rule that only tries, and would have decided otherwise.
    pub would: Option<&'a Rule>,
}

/// A refusal as the caller sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    /// The rule.
    pub rule: String,
    /// The code of the answer.
    pub code: String,
    /// What it says.
    pub message: String,
}

/// Why rules say what they say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation<'a> {
    /// What they say.
    pub decision: Decision<'a>,
    /// All rules that speak of the call, the most specific first.
    pub matches: Vec<RuleMatch<'a>>,
}

/// A rule that speaks of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleMatch<'a> {
    /// The rule.
    pub rule: &'a Rule,
    /// What of it fitted the call; nothing where it speaks of every call.
    pub fitting: Vec<(Dimension, String)>,
}

impl Decision<'_> {
    /// Whether the call may go there.
    pub fn is_allowed(&self) -> bool {
        self.rule.is_none_or(|rule| rule.effect == Effect::Allow)
    }

    /// The refusal, where it is one.
    pub fn denial(&self) -> Option<Denial> {
        let rule = self.rule.filter(|_| !self.is_allowed())?;
        let message = rule.message.clone();
        Some(Denial {
            rule: rule.name.clone(),
            code: rule.code.clone().unwrap_or_else(|| "policy_denied".into()),
            message: message
                .unwrap_or_else(|| format!("the policy `{}` does not permit this", rule.name)),
        })
    }
}
