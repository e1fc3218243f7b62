//! Conditions on a request, ready to be asked.

use ferrogate_types::TokenCount;
use ferrogate_types::routing::Condition;
use regex::{Regex, RegexBuilder};

use crate::Asked;
use crate::glob::Glob;

/// When a target is for a request: when every condition of any list holds; always where there is no list.
#[derive(Clone, Debug, Default)]
pub(crate) struct Conditions(Vec<Vec<Compiled>>);

#[derive(Clone, Debug)]
enum Compiled {
    Model(Glob),
    Metadata(String, Glob),
    User(Glob),
    Stream(bool),
    HasTools(bool),
    TokensAbove(TokenCount),
    TokensBelow(TokenCount),
    /// Whether the words match.
    Said(Regex, bool),
}

impl Conditions {
    /// Compiles conditions, once.
    pub(crate) fn compile(when: &[Vec<Condition>]) -> Result<Self, regex::Error> {
        let lists = when.iter().map(|list| {
            let mut list: Vec<Compiled> = list.iter().map(compile).collect::<Result<_, _>>()?;
            // What is cheap goes first: the words are not read for a request that fails by its header.
            list.sort_by_key(Compiled::effort);
            Ok(list)
        });
        lists.collect::<Result<_, _>>().map(Self)
    }

    /// Whether there is no condition at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether they hold.
    pub(crate) fn hold(&self, asked: &dyn Asked) -> bool {
        self.0.is_empty()
            || self
                .0
                .iter()
                .any(|list| list.iter().all(|condition| condition.holds(asked)))
    }
}

fn compile(condition: &Condition) -> Result<Compiled, regex::Error> {
    let contains = |text: &str| {
        RegexBuilder::new(&regex::escape(text))
            .case_insensitive(true)
            .build()
    };
    Ok(match condition {
        Condition::Model(name) => Compiled::Model(Glob::new(name)),
        Condition::Metadata { name, value } => Compiled::Metadata(name.clone(), Glob::new(value)),
        Condition::User(user) => Compiled::User(Glob::new(user)),
        Condition::Stream(wanted) => Compiled::Stream(*wanted),
        Condition::HasTools(wanted) => Compiled::HasTools(*wanted),
        Condition::TokensAbove(limit) => Compiled::TokensAbove(*limit),
        Condition::TokensBelow(limit) => Compiled::TokensBelow(*limit),
        Condition::PromptContains(text) => Compiled::Said(contains(text)?, true),
        Condition::PromptLacks(text) => Compiled::Said(contains(text)?, false),
        Condition::PromptMatches(pattern) => Compiled::Said(Regex::new(pattern)?, true),
    })
}

impl Compiled {
    fn holds(&self, asked: &dyn Asked) -> bool {
        match self {
            Self::Model(glob) => glob.matches(asked.model()),
            Self::Metadata(name, glob) => {
                let value = asked.metadata(name);
                value.is_some_and(|value| glob.matches(&value))
            }
            Self::User(glob) => asked.user().is_some_and(|user| glob.matches(user)),
            Self::Stream(wanted) => asked.stream() == *wanted,
            Self::HasTools(wanted) => asked.has_tools() == *wanted,
            Self::TokensAbove(limit) => asked.input_tokens() > *limit,
            Self::TokensBelow(limit) => asked.input_tokens() < *limit,
            // Where nothing is said, nothing holds of what is said.
            Self::Said(regex, wanted) => asked
                .prompt()
                .is_some_and(|prompt| regex.is_match(&prompt) == *wanted),
        }
    }

    /// How much work it is to find out, roughly.
    fn effort(&self) -> u8 {
        match self {
            Self::Stream(_) | Self::Model(_) | Self::User(_) => 0,
            Self::HasTools(_) | Self::Metadata(..) => 1,
            Self::TokensAbove(_) | Self::TokensBelow(_) => 2,
            Self::Said(..) => 3,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asked::tests::Request;

    fn check(when: &[Vec<Condition>], asked: &Request, expected: bool) {
        let conditions = Conditions::compile(when).unwrap();
        assert_eq!(conditions.hold(asked), expected, "{when:?}");
    }

    #[test]
    fn each_holds_or_not() {
        let asked = Request {
            model: "gpt-4o".to_owned(),
            user: Some("ann".to_owned()),
            metadata: vec![("team".to_owned(), "blue".to_owned())],
            stream: true,
            prompt: Some("Please REFUND order 17".to_owned()),
            input_tokens: 100,
            ..Request::default()
        };
        let label = |name: &str, value: &str| Condition::Metadata {
            name: name.to_owned(),
            value: value.to_owned(),
        };
        let says = |text: &str| Condition::PromptContains(text.to_owned());
        for (condition, expected) in [
            (Condition::Model("gpt-*".to_owned()), true),
            (Condition::Model("gpt".to_owned()), false),
            (label("team", "blue"), true),
            (label("team", "*"), true),
            (label("team", "red"), false),
            (label("place", "*"), false),
            (Condition::User("a*".to_owned()), true),
            (Condition::User("bob".to_owned()), false),
            (Condition::Stream(true), true),
            (Condition::Stream(false), false),
            (Condition::HasTools(true), false),
            (Condition::HasTools(false), true),
            (says("refund"), true),
            (says("ref.nd"), false),
            (Condition::PromptLacks("refund".to_owned()), false),
            (Condition::PromptLacks("sale".to_owned()), true),
            (Condition::PromptMatches(r"order \d+$".to_owned()), true),
            (Condition::PromptMatches(r"refund".to_owned()), false),
            (Condition::TokensAbove(100), false),
            (Condition::TokensAbove(99), true),
            (Condition::TokensBelow(100), false),
            (Condition::TokensBelow(101), true),
        ] {
            check(&[vec![condition]], &asked, expected);
        }
    }

    #[test]
    fn all_of_a_list_and_any_of_the_lists() {
        let asked = Request {
            stream: true,
            ..Request::default()
        };
        let (yes, no) = (Condition::Stream(true), Condition::HasTools(true));
        check(&[], &asked, true);
        check(&[vec![yes.clone(), no.clone()]], &asked, false);
        check(&[vec![no.clone()], vec![yes.clone()]], &asked, true);
        check(&[vec![no.clone()], vec![yes, no]], &asked, false);
    }

    #[test]
    fn the_words_are_read_only_when_the_rest_holds() {
        let asked = Request {
            prompt: Some("x".to_owned()),
            ..Request::default()
        };
        let said = Condition::PromptContains("x".to_owned());
        check(
            &[vec![said.clone(), Condition::Stream(true)]],
            &asked,
            false,
        );
        assert_eq!(asked.reads.get(), 0);
        check(&[vec![said, Condition::Stream(false)]], &asked, true);
        assert_eq!(asked.reads.get(), 1);
    }

    #[test]
    fn nothing_holds_of_what_is_not_said() {
        let silent = Request::default();
        let lacks = Condition::PromptLacks("x".to_owned());
        check(&[vec![lacks]], &silent, false);
    }

    #[test]
    fn refuses_a_broken_expression() {
        let broken = vec![vec![Condition::PromptMatches("(".to_owned())]];
        assert!(Conditions::compile(&broken).is_err());
    }
}
