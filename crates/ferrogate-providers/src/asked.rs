//! What routing may want to know of a request.

use std::borrow::Cow;
use std::time::Duration;

use ferrogate_types::{TokenCount, Usage};

/// A request, as far as the choice of a target depends on it.
///
/// Only what a model's strategy and conditions need is asked for. What is dear to find out (the words, the estimate) may
/// be asked for several times for one plan: it is for the implementor to remember it.
pub trait Asked {
    /// The model, as the caller named it.
    fn model(&self) -> &str;

    /// The caller's own user.
    fn user(&self) -> Option<&str>;

    /// The caller's own session.
    fn session(&self) -> Option<&str>;

    /// The id of the virtual key.
    fn key(&self) -> Option<&str>;

    /// A header of the request, by its name in any case.
    fn header(&self, name: &str) -> Option<&str>;

    /// A label of the caller's.
    fn metadata(&self, name: &str) -> Option<Cow<'_, str>>;

    /// Whether a stream is asked for.
    fn stream(&self) -> bool;

    /// Whether tools may be called.
    fn has_tools(&self) -> bool;

    /// What the user says; `None` where nothing is said, as in a request for vectors or pictures.
    fn prompt(&self) -> Option<Cow<'_, str>>;

    /// The first `chars` characters of the conversation, instructions included; `None` where there is none.
    fn prompt_prefix(&self, chars: usize) -> Option<Cow<'_, str>>;

    /// Tokens of input, as estimated.
    fn input_tokens(&self) -> TokenCount;

    /// The most tokens of output the caller wants.
    fn max_output_tokens(&self) -> Option<TokenCount>;

    /// What the request will use, as estimated: what [`LowestCost`](ferrogate_types::routing::Strategy::LowestCost)
    /// compares.
    fn estimate(&self) -> Usage {
        Usage {
            input: self.input_tokens(),
            output: self.max_output_tokens().unwrap_or(USUAL_OUTPUT),
            ..Usage::default()
        }
    }

    /// A random number; another one each time.
    fn random(&self) -> u64;

    /// The time since 1970: whoever sticks to a target for a while does so by the calendar, on every node alike.
    fn since_epoch(&self) -> Duration;
}

/// Tokens of output of a request that says nothing about it.
const USUAL_OUTPUT: TokenCount = 256;

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::cell::{Cell, RefCell};

    /// A request that is what a test says.
    #[derive(Default)]
    pub(crate) struct Request {
        pub(crate) model: String,
        pub(crate) user: Option<String>,
        pub(crate) session: Option<String>,
        pub(crate) key: Option<String>,
        pub(crate) headers: Vec<(String, String)>,
        pub(crate) metadata: Vec<(String, String)>,
        pub(crate) stream: bool,
        pub(crate) has_tools: bool,
        pub(crate) prompt: Option<String>,
        pub(crate) input_tokens: u64,
        pub(crate) max_output_tokens: Option<u64>,
        pub(crate) since_epoch: Duration,
        /// How often the words were read.
        pub(crate) reads: Cell<u32>,
        pub(crate) random: RefCell<fastrand::Rng>,
    }

    impl Request {
        /// One that draws the same numbers each time.
        pub(crate) fn seeded(seed: u64) -> Self {
            Self {
                random: RefCell::new(fastrand::Rng::with_seed(seed)),
                ..Self::default()
            }
        }
    }

    fn find<'a>(list: &'a [(String, String)], name: &str) -> Option<&'a str> {
        let found = list.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    impl Asked for Request {
        fn model(&self) -> &str {
            &self.model
        }
        fn user(&self) -> Option<&str> {
            self.user.as_deref()
        }
        fn session(&self) -> Option<&str> {
            self.session.as_deref()
        }
        fn key(&self) -> Option<&str> {
            self.key.as_deref()
        }
        fn header(&self, name: &str) -> Option<&str> {
            find(&self.headers, name)
        }
        fn metadata(&self, name: &str) -> Option<Cow<'_, str>> {
            find(&self.metadata, name).map(Cow::Borrowed)
        }
        fn stream(&self) -> bool {
            self.stream
        }
        fn has_tools(&self) -> bool {
            self.has_tools
        }
        fn prompt(&self) -> Option<Cow<'_, str>> {
            self.reads.set(self.reads.get() + 1);
            self.prompt.as_deref().map(Cow::Borrowed)
        }
        fn prompt_prefix(&self, chars: usize) -> Option<Cow<'_, str>> {
            let prompt = self.prompt.as_deref()?;
            Some(prompt.chars().take(chars).collect::<String>().into())
        }
        fn input_tokens(&self) -> TokenCount {
            self.input_tokens
        }
        fn max_output_tokens(&self) -> Option<TokenCount> {
            self.max_output_tokens
        }
        fn random(&self) -> u64 {
            self.random.borrow_mut().u64(..)
        }
        fn since_epoch(&self) -> Duration {
            self.since_epoch
        }
    }
}
