//! What every store must do, whatever it keeps things in.

mod audit;
pub(crate) mod billing;
mod config;
pub(crate) mod drain;
mod identity;
mod key;
mod ledger;
mod model;
mod request_log;
mod session;
mod tenant;

pub(crate) use key::key;

use crate::place::{Place, run};

/// Each test in each kind of store.
macro_rules! conformance {
    ($($module:ident: $($test:ident),+;)+) => {
        conformance!(@place memory; $($module: $($test),+;)+);
        conformance!(@place sqlite; $($module: $($test),+;)+);
        conformance!(@place postgres; $($module: $($test),+;)+);
    };
    (@place $place:ident; $($module:ident: $($test:ident),+;)+) => {
        mod $place {
            $(mod $module {
                $(#[test]
                fn $test() {
                    let place: Option<super::super::Place> = super::super::Place::$place().into();
                    if let Some(place) = place {
                        super::super::run(super::super::$module::$test(&place));
                    }
                })+
            })+
        }
    };
}

conformance! {
    key: keeps_what_it_was_given, refuses_what_was_not_expected, counts_uses, tells_what_changed,
        remembers_that_there_was_one, lists_in_order;
    tenant: keeps_a_tree, documents_are_kept_by_kind, generations_move_with_their_kind;
    config: keeps_revisions, expects_the_newest;
    session: keeps_sessions, ends_sessions, keeps_answers;
    audit: chains_rows, many_write_one_chain, filters_and_pages;
    request_log: keeps_rows_once, filters, pages, searches, sums, forgets, survives_odd_texts;
    ledger: applies_once, nodes_add_up, corrects, corrects_what_comes_later, sums_usage, pages_events;
    model: agrees_with_a_simple_ledger;
    identity: keys_change_from_version_to_version, settings_of_a_newer_version_are_kept, many_keys_come_page_by_page,
        what_is_damaged_is_shut_by_itself, tenants_change_from_version_to_version, sessions_survive_a_restart;
    billing: events_are_applied_once, corrections_settle_what_was_uncertain, a_window_may_have_no_end,
        balances_are_the_sum_of_all_events, what_is_too_much_is_held;
    drain: a_drainer_may_be_stopped_anywhere;
}
