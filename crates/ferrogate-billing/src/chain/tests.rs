use ferrogate_types::{AccountId, Money, Subject, Usage};
use proptest::prelude::*;

use super::*;
use crate::{AccountSpec, Book, OnStoreFailure, Period, Unit, Zone};

/// 20 November 2026, 00:00 UTC.
const NOW: Duration = Duration::from_secs(1_795_132_800);
const DAY: Duration = Duration::from_secs(86_400);

fn spec(id: &str, unit: Unit, limit: i64, on_exceed: OnExceed) -> AccountSpec {
    AccountSpec {
        id: id.parse().unwrap(),
        subject: Subject::Global,
        unit,
        limit,
        period: Period::Day,
        zone: Zone::UTC,
        on_exceed,
        on_store_failure: OnStoreFailure::Closed,
        shared: false,
    }
}

fn tokens(total: u64) -> Spend {
    Spend {
        usage: Usage {
            input: total,
            ..Usage::default()
        },
        cost: None,
    }
}

fn dollars(nanos: i128) -> Spend {
    Spend {
        usage: Usage::default(),
        cost: Some(Money::from_nanos(nanos)),
    }
}

struct Fixture {
    book: Book,
    chain: Arc<Chain>,
    ids: Vec<AccountId>,
}

fn fixture(specs: impl IntoIterator<Item = AccountSpec>) -> Fixture {
    let book = Book::default();
    let specs: Vec<_> = specs.into_iter().collect();
    let ids: Vec<_> = specs.iter().map(|spec| spec.id.clone()).collect();
    book.define(specs, NOW);
    let chain = book.chain(&ids);
    Fixture { book, chain, ids }
}

impl Fixture {
    fn reserve(&self, spend: &Spend, now: Duration) -> Result<Hold, Refusal> {
        let held = self.chain.reserve(spend, Attempt::Asked, now);
        held.map(|(hold, _)| hold)
    }

    /// Spent and reserved of each account in the window of `now`.
    fn stands(&self, now: Duration) -> Vec<(i64, i64)> {
        let state = |id| self.book.state(id, now).unwrap();
        self.ids
            .iter()
            .map(state)
            .map(|state| (state.spent, state.reserved))
            .collect()
    }
}

fn blocks(limits: &[i64]) -> Fixture {
    let ids = ["key", "team", "organisation", "everybody"];
    let specs = ids.iter().zip(limits);
    fixture(specs.map(|(id, &limit)| spec(id, Unit::Tokens, limit, OnExceed::Block)))
}

#[test]
fn holds_in_all_accounts_or_in_none() {
    let all = blocks(&[100, 50, 1_000]);
    let first = all.reserve(&tokens(40), NOW).unwrap();
    let Err(Refusal::Exhausted(state)) = all.reserve(&tokens(11), NOW) else {
        panic!("the team has 10 left");
    };
    assert_eq!((state.spec.id.as_str(), state.left()), ("team", 10));
    assert_eq!(
        state.to_string(),
        "of global (`team`: 50 tokens a day, 0 spent, 40 reserved, begins anew 2026-11-21T00:00:00.000Z)"
    );
    assert_eq!(all.stands(NOW), [(0, 40); 3]);
    first.close(Some(&tokens(15)));
    assert_eq!(all.stands(NOW), [(15, 0); 3]);
    all.reserve(&tokens(35), NOW).unwrap().close(None);
    assert_eq!(all.stands(NOW), [(15, 0); 3]);
}

#[test]
fn names_the_most_specific_of_the_accounts_that_refuse() {
    let all = blocks(&[100, 5, 5]);
    let refusal = all.reserve(&tokens(6), NOW).unwrap_err();
    assert_eq!(refusal.account().spec.id.as_str(), "team");
}

#[test]
fn zero_blocks_as_a_budget_and_is_a_price() {
    let money = |limit| fixture([spec("key", Unit::NanoDollars, limit, OnExceed::Block)]);
    assert!(matches!(
        money(0).reserve(&dollars(0), NOW),
        Err(Refusal::Exhausted(_))
    ));
    let full = money(5);
    full.reserve(&dollars(5), NOW)
        .unwrap()
        .close(Some(&dollars(5)));
    assert!(full.reserve(&dollars(0), NOW).is_ok());
    assert!(full.reserve(&dollars(1), NOW).is_err());
}

#[test]
fn what_has_no_price_is_refused_under_a_hard_budget_of_money_only() {
    for (unit, on_exceed, refused) in [
        (Unit::NanoDollars, OnExceed::Block, true),
        (Unit::NanoDollars, OnExceed::Warn, false),
        (
            Unit::NanoDollars,
            OnExceed::Downgrade("m".parse().unwrap()),
            false,
        ),
        (Unit::Tokens, OnExceed::Block, false),
    ] {
        let held = fixture([spec("key", unit, 100, on_exceed)]).reserve(&tokens(10), NOW);
        assert_eq!(matches!(held, Err(Refusal::Unpriced(_))), refused, "{unit}");
    }
}

#[test]
fn warns_and_turns_away_where_it_says_so() {
    let cheap = OnExceed::Downgrade("cheap".parse().unwrap());
    let all = fixture([
        spec("key", Unit::Tokens, 10, OnExceed::Warn),
        spec("team", Unit::Tokens, 20, cheap),
    ]);
    let reserve = |attempt| all.chain.reserve(&tokens(30), attempt, NOW);
    let Err(Refusal::Downgrade { model, account }) = reserve(Attempt::Asked) else {
        panic!("30 are more than 20");
    };
    assert_eq!(
        (model.as_str(), account.spec.id.as_str()),
        ("cheap", "team")
    );
    let (hold, exceeded) = reserve(Attempt::Downgraded).unwrap();
    let names: Vec<_> = exceeded
        .iter()
        .map(|state| state.spec.id.as_str())
        .collect();
    assert_eq!(names, ["key", "team"]);
    hold.close(Some(&tokens(30)));
    assert_eq!(all.stands(NOW), [(30, 0); 2]);
}

#[test]
fn a_block_counts_before_a_turn_to_another_model() {
    let all = fixture([
        spec(
            "key",
            Unit::Tokens,
            10,
            OnExceed::Downgrade("cheap".parse().unwrap()),
        ),
        spec("team", Unit::Tokens, 10, OnExceed::Block),
    ]);
    assert!(matches!(
        all.reserve(&tokens(11), NOW),
        Err(Refusal::Exhausted(_))
    ));
}

#[test]
fn tops_up_in_all_accounts_or_in_none() {
    let all = blocks(&[100, 50]);
    let mut hold = all.reserve(&tokens(10), NOW).unwrap();
    hold.top_up(&tokens(50)).unwrap();
    hold.top_up(&tokens(20)).unwrap();
    assert_eq!(
        all.stands(NOW),
        [(0, 50); 2],
        "less than is held changes nothing"
    );
    assert!(hold.top_up(&tokens(51)).is_err());
    assert_eq!(all.stands(NOW), [(0, 50); 2]);
    hold.close(Some(&tokens(50)));
    assert_eq!(all.stands(NOW), [(50, 0); 2]);
}

#[test]
fn a_window_that_rolls_leaves_a_call_in_its_own() {
    let all = blocks(&[100]);
    let mut late = all.reserve(&tokens(60), NOW).unwrap();
    let mut stuck = all.reserve(&tokens(40), NOW).unwrap();
    let _next = all.reserve(&tokens(100), NOW + DAY).unwrap();
    assert!(late.top_up(&tokens(61)).is_err(), "yesterday is full");
    stuck.top_up(&tokens(40)).unwrap();
    stuck.close(None);
    late.top_up(&tokens(100)).unwrap();
    let window = late.postings()[0].window;
    late.close(Some(&tokens(90)));
    assert_eq!(all.stands(NOW + DAY), [(0, 100)]);
    let account = all.book.account(&all.ids[0]).unwrap();
    assert_eq!(account.lock().of(window).unwrap().spent, 90);
}

#[test]
fn a_clock_that_steps_back_opens_nothing_again() {
    let all = blocks(&[100]);
    all.reserve(&tokens(100), NOW + DAY)
        .unwrap()
        .close(Some(&tokens(100)));
    assert!(all.reserve(&tokens(1), NOW).is_err());
    all.book
        .define([spec("key", Unit::Tokens, 100, OnExceed::Block)], NOW);
    assert!(all.reserve(&tokens(1), NOW).is_err(), "nor does a reload");
    assert!(all.reserve(&tokens(1), NOW + DAY + DAY).is_ok());
}

#[test]
fn many_windows_leave_no_more_than_a_few_behind() {
    let all = blocks(&[100]);
    let held = all.reserve(&tokens(1), NOW).unwrap();
    for day in 1..50 {
        all.reserve(&tokens(1), NOW + DAY * day)
            .unwrap()
            .close(None);
    }
    let account = all.book.account(&all.ids[0]).unwrap();
    let window = held.postings()[0].window;
    assert!(
        account.lock().of(window).is_some(),
        "kept while a call is under way in it"
    );
    let kept = (0..50).filter(|&day| {
        let window = Period::Day.window_at(Zone::UTC, NOW + DAY * day);
        account.lock().of(window).is_some()
    });
    assert_eq!(kept.count(), 3, "that one, yesterday's and today's");
}

#[test]
fn another_limit_and_another_period_find_the_balance_again() {
    let all = blocks(&[100]);
    all.reserve(&tokens(60), NOW)
        .unwrap()
        .close(Some(&tokens(60)));
    let mut changed = spec("key", Unit::Tokens, 70, OnExceed::Block);
    all.book.define([changed.clone()], NOW);
    assert_eq!(all.stands(NOW), [(60, 0)]);
    assert!(all.reserve(&tokens(11), NOW).is_err());
    changed.period = Period::Month;
    all.book.define([changed.clone()], NOW);
    assert_eq!(all.stands(NOW), [(0, 0)], "another window");
    changed.period = Period::Day;
    all.book.define([changed], NOW);
    assert_eq!(all.stands(NOW), [(60, 0)]);
    all.book.define([], NOW);
    assert!(
        all.reserve(&tokens(1_000), NOW).is_ok(),
        "no budget limits nothing"
    );
}

#[test]
fn an_account_twice_in_a_chain_is_charged_once() {
    let all = blocks(&[100]);
    let chain = all.book.chain([&all.ids[0], &all.ids[0]]);
    let (hold, _) = chain.reserve(&tokens(60), Attempt::Asked, NOW).unwrap();
    hold.close(Some(&tokens(60)));
    assert_eq!(all.stands(NOW), [(60, 0)]);
}

#[derive(Clone, Debug)]
enum Step {
    Reserve { chain: usize, tokens: u64 },
    TopUp { which: usize, more: u64 },
    Settle { which: usize, share: u64 },
    Release { which: usize },
    Roll { days: u32 },
}

fn step() -> impl Strategy<Value = Step> {
    let which = 0_usize..8;
    prop_oneof![
        (0_usize..3, 0_u64..60).prop_map(|(chain, tokens)| Step::Reserve { chain, tokens }),
        (which.clone(), 0_u64..60).prop_map(|(which, more)| Step::TopUp { which, more }),
        (which.clone(), 0_u64..=100).prop_map(|(which, share)| Step::Settle { which, share }),
        which.prop_map(|which| Step::Release { which }),
        (0_u32..3).prop_map(|days| Step::Roll { days }),
    ]
}

proptest! {
    #[test]
    fn any_sequence_sums_to_zero_and_never_exceeds_a_limit(steps in proptest::collection::vec(step(), 1..200)) {
        let all = blocks(&[100, 150, 180]);
        let (key, team, everybody) = (&all.ids[0], &all.ids[1], &all.ids[2]);
        let chains = [all.book.chain([key, everybody]), all.book.chain([team, everybody]), all.book.chain([key, team, everybody])];
        let mut open: Vec<(Hold, u64)> = Vec::new();
        let mut expected: std::collections::HashMap<(AccountId, Window), i64> = std::collections::HashMap::new();
        let mut now = NOW;
        let mut windows = vec![Period::Day.window_at(Zone::UTC, NOW)];
        for step in steps {
            match step {
                Step::Reserve { chain, tokens: asked } => {
                    if let Ok((hold, _)) = chains[chain].reserve(&tokens(asked), Attempt::Asked, now) {
                        open.push((hold, asked));
                    }
                }
                Step::TopUp { which, more } => {
                    if let Some((hold, held)) = open.get_mut(which) {
                        let total = *held + more;
                        if hold.top_up(&tokens(total)).is_ok() {
                            *held = total;
                        }
                    }
                }
                Step::Settle { which, share } if which < open.len() => {
                    let (hold, held) = open.swap_remove(which);
                    let used = tokens(held * share / 100);
                    for posting in hold.postings_of(&used) {
                        *expected.entry((posting.account, posting.window)).or_default() += posting.amount;
                    }
                    hold.close(Some(&used));
                }
                Step::Release { which } if which < open.len() => open.swap_remove(which).0.close(None),
                Step::Settle { .. } | Step::Release { .. } => {}
                Step::Roll { days } => {
                    now += DAY * days;
                    let window = Period::Day.window_at(Zone::UTC, now);
                    if !windows.contains(&window) {
                        windows.push(window);
                    }
                }
            }
            for id in &all.ids {
                let account = all.book.account(id).unwrap();
                let mut balances = account.lock();
                balances.roll(now);
                for &window in &windows {
let Some(balance) = balances.of(window) else { continue };
                    let held: i64 = open.iter().flat_map(|(hold, _)| hold.postings())
                        .filter(|posting| posting.account == *id && posting.window == window)
                        .map(|posting| posting.amount).sum();
                    let spent = expected.get(&(id.clone(), window)).copied().unwrap_or_default();
                    prop_assert_eq!((balance.spent, balance.reserved), (spent, held));
                    let limit = balances.spec().unwrap().limit;
                    prop_assert!(spent + held <= limit);
                }
            }
        }
    }
}

#[test]
fn a_chain_of_subjects_follows_their_budgets() {
    let book = Book::default();
    let key = Subject::Key("key".parse().unwrap());
    let subjects = [key.clone(), Subject::Global];
    let of = |id: &str, subject: &Subject| AccountSpec {
        subject: subject.clone(),
        ..spec(id, Unit::Tokens, 10, OnExceed::Block)
    };
    let ids = |book: &Book| {
        let states = book.chain_of(&subjects).states(NOW);
        let ids = states.iter().map(|state| state.spec.id.to_string());
        ids.collect::<Vec<_>>()
    };
    assert!(book.chain_of(&subjects).is_empty());
    book.define([of("all", &Subject::Global), of("own", &key)], NOW);
    assert_eq!(ids(&book), ["own", "all"]);
    book.put(of("more", &key), NOW);
    assert_eq!(ids(&book), ["own", "more", "all"]);
    book.put(of("more", &Subject::Global), NOW);
    assert_eq!(ids(&book), ["own", "all", "more"]);
    book.replace(&key, vec![of("other", &key)], NOW);
    assert_eq!(ids(&book), ["other", "all", "more"]);
    book.remove(&"all".parse().unwrap());
    assert_eq!(ids(&book), ["other", "more"]);
    book.replace(&key, Vec::new(), NOW);
    book.define([], NOW);
    assert!(book.chain_of(&subjects).is_empty());
}
