//! Calls of tools and their results, tied together although the dialect may give them no ids.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet, VecDeque};

use super::{call_id, thought_id};

/// The calls of a conversation or of an answer, as they are read.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    /// What ids are made of besides the call itself: something of the answer.
    seed: String,
    /// Marks travel in the ids, for callers of other dialects.
    folds: bool,
    count: usize,
    /// Ids of calls that no result has named yet, by the tool's name.
    pending: HashMap<String, VecDeque<String>>,
    /// The same ids in order, for results that name no tool either, and those of them that were named.
    order: VecDeque<String>,
    named: HashSet<String>,
}

impl Calls {
    /// Of an answer, which this tells from others.
    pub(crate) fn of_answer(seed: &str) -> Self {
        Self {
            seed: seed.to_owned(),
            folds: true,
            ..Self::default()
        }
    }

    /// The id of the next call: the given one, or one that is made.
    pub(crate) fn call<'a>(
        &mut self,
        given: Option<Cow<'a, str>>,
        name: &str,
        arguments: &str,
        signature: Option<&str>,
    ) -> Cow<'a, str> {
        let id = given
            .filter(|id| !id.is_empty())
            .unwrap_or_else(|| call_id::make(&[&self.seed, name, arguments], self.count).into());
        self.count += 1;
        if !self.folds {
            // Only a history has results that look for their calls.
            self.pending
                .entry(name.to_owned())
                .or_default()
                .push_back(id.clone().into_owned());
            self.order.push_back(id.clone().into_owned());
            return id;
        }
        match signature {
            Some(signature) => thought_id::join(&id, signature).into(),
            None => id,
        }
    }

    /// The id of the call that the next result answers: the given one, or that of the first open call of this tool,
    /// or of any tool when the result names none.
    pub(crate) fn result<'a>(&mut self, given: Option<Cow<'a, str>>, name: &str) -> Cow<'a, str> {
        let found = match given.filter(|id| !id.is_empty()) {
            Some(id) => Some(id),
            None if name.is_empty() => self.first_open().map(Cow::Owned),
            None => {
                let open = self.pending.get_mut(name);
                open.and_then(|open| {
                    std::iter::from_fn(|| open.pop_front()).find(|id| !self.named.contains(id))
                })
                .map(Cow::Owned)
            }
        };
        let id = found.unwrap_or_else(|| {
            self.count += 1;
            call_id::make(&[&self.seed, name], self.count).into()
        });
        self.named.insert(id.clone().into_owned());
        id
    }

    fn first_open(&mut self) -> Option<String> {
        std::iter::from_fn(|| self.order.pop_front()).find(|id| !self.named.contains(id))
    }
}

/// The id as the provider gave it: without a mark, and none at all when it was made here.
pub(crate) fn own_id(id: &str) -> Option<&str> {
    let (bare, _) = thought_id::split(id);
    (!bare.is_empty() && !call_id::is_made(bare)).then_some(bare)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_without_ids_find_their_calls_in_order() {
        let mut calls = Calls::default();
        let first = calls.call(None, "f", "{}", None);
        let second = calls.call(None, "f", "{}", None);
        let named = calls.call(Some("fc-1".into()), "f", "{}", None);
        assert_ne!(first, second);
        assert_eq!(calls.result(Some("fc-1".into()), "f"), named);
        assert_eq!(calls.result(None, "f"), first);
        assert_eq!(calls.result(None, "f"), second);
        assert!(call_id::is_made(&calls.result(None, "f")));
        let other = calls.call(None, "g", "{}", None);
        let last = calls.call(None, "h", "{}", None);
        assert_eq!(calls.result(None, "h"), last);
        assert_eq!(calls.result(None, ""), other);
        assert_eq!((own_id(&first), own_id(&named)), (None, Some("fc-1")));
    }

    #[test]
    fn marks_of_answers_travel_in_ids() {
        let mut calls = Calls::of_answer("r1");
        let id = calls.call(Some("fc-1".into()), "f", "{}", Some("c2ln"));
        assert_eq!(thought_id::split(&id), ("fc-1", Some("c2ln".to_owned())));
        assert_eq!(own_id(&id), Some("fc-1"));
        assert_eq!(own_id(&calls.call(None, "f", "{}", Some("c2ln"))), None);
    }
}
