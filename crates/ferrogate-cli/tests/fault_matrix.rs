//! The fault matrix: every fault, asked for whole and as a stream, in the providers' dialect and in another one, at every
//! place in a chain of three, on the real binary; what caller, log and ledger see is what the table says.

#[path = "fault_matrix/caller.rs"]
mod caller;
#[path = "fault_matrix/cell.rs"]
mod cell;
#[path = "fault_matrix/check.rs"]
mod check;
#[path = "fault_matrix/dead_primary.rs"]
mod dead_primary;
#[path = "fault_matrix/page.rs"]
mod page;
#[path = "fault_matrix/table.rs"]
mod table;

use ferrogate_testkit::Fault;

#[test]
fn connections() {
    check::run(&table::CONNECTIONS);
}

#[test]
fn statuses() {
    check::run(&table::STATUSES);
}

#[test]
fn answers() {
    check::run(&table::ANSWERS);
}

#[test]
fn time() {
    check::run(&table::WAITING);
}

#[test]
fn streams() {
    check::run(&table::STREAMS);
}

#[test]
fn a_primary_that_refuses_costs_nobody_an_answer() {
    dead_primary::check(Fault::Refused);
}

#[test]
fn a_primary_that_never_answers_costs_nobody_an_answer() {
    dead_primary::check(Fault::StallBeforeHeader);
}

#[test]
fn the_page_says_what_the_table_says() {
    page::check();
}
