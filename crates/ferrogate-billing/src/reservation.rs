//! What a call holds while it is under way.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use ferrogate_types::{LedgerEventId, ProviderId, UpstreamModel};

use crate::chain::Hold;
use crate::journal::{Holding, Receipt, Record};
use crate::ledger::Inner;
use crate::{
    AccountState, BillingEvent, CallFacts, EventKind, LedgerEvent, PriceRow, Refusal, Spend,
};

/// A call's reservation: settled exactly once, whatever happens to it.
///
/// [`settle`](Self::settle) books what was used. Dropped instead (an error, a caller that left, a panic), it books what
/// was [`owed`](Self::owe) last, or nothing. When the process is killed, the journal charges all of it as uncertain.
#[derive(Debug)]
#[must_use = "a reservation that is dropped at once protects nothing"]
pub struct Reservation {
    ledger: Arc<Inner>,
    id: LedgerEventId,
    /// Nothing once it is settled.
    hold: Option<Hold>,
    exceeded: Vec<AccountState>,
    call: Arc<CallFacts>,
    worst: Spend,
    /// Whether the journal keeps a slot for the end of this call.
    recorded: bool,
    receipt: Option<Receipt>,
    owed: Option<Charge>,
    /// The latest time it was told.
    at: Duration,
}

/// What a call is charged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Charge {
    /// What it used, and the cost.
    pub spend: Spend,
    /// Who answered.
    pub provider: Option<ProviderId>,
    /// What that provider was asked for.
    pub upstream_model: Option<UpstreamModel>,
    /// The prices the cost is of.
    pub price: Option<PriceRow>,
    /// Counted by the gateway, for the provider did not say.
    pub estimated: bool,
}

impl Reservation {
    pub(crate) fn new(
        ledger: Arc<Inner>,
        id: LedgerEventId,
        (hold, exceeded): (Hold, Vec<AccountState>),
        (call, worst): (Arc<CallFacts>, Spend),
        receipt: Option<Receipt>,
        at: Duration,
    ) -> Self {
        Self {
            ledger,
            id,
            hold: Some(hold),
            exceeded,
            call,
            worst,
            recorded: receipt.is_some(),
            receipt,
            owed: None,
            at,
        }
    }

    /// The id of the event it will end in.
    pub fn id(&self) -> LedgerEventId {
        self.id
    }

    /// The budgets this call runs over, which say `warn` or `downgrade`.
    pub fn exceeded(&self) -> &[AccountState] {
        &self.exceeded
    }

    /// Waits until the journal has the call as safe as its settings ask. Refuses when the disk does not take it and a
    /// budget says `on_store_failure closed`; drop the reservation then.
    ///
    /// # Cancel safety
    ///
    /// Dropping this only stops the waiting; the reservation stands.
    pub async fn recorded(&mut self) -> Result<(), Refusal> {
        let Some(receipt) = self.receipt.take() else {
            return Ok(());
        };
        if receipt.wait().await.is_ok() {
            return Ok(());
        }
        let refusal = self
            .hold
            .as_ref()
            .and_then(|hold| hold.chain().unavailable());
        if let Some(refusal) = refusal {
            return Err(refusal);
        }
        self.ledger.unrecorded.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// Holds `total` in all where less is held: for a stream that outgrows its worst case, asked *before* more is
    /// produced. In every account or in none; refused, the stream is to be ended.
    pub fn top_up(&mut self, total: &Spend) -> Result<(), Refusal> {
        let Some(hold) = &mut self.hold else {
            return Ok(());
        };
        let before = hold.amounts();
        hold.top_up(total)?;
        if hold.amounts() == before {
            return Ok(());
        }
        if let Some(journal) = self.ledger.journal.as_ref().filter(|_| self.recorded) {
            let holding = Holding {
                id: self.id,
                worst: total.clone(),
                postings: hold.postings(),
            };
            if journal.topped_up(holding).is_err() {
                if let Some(refusal) = hold.chain().unavailable() {
                    hold.back_to(&before);
                    return Err(refusal);
                }
                self.ledger.unrecorded.fetch_add(1, Ordering::Relaxed);
            }
        }
        self.worst = total.clone();
        Ok(())
    }

    /// Notes what the call owes by now, should nobody get to settle it: a caller that leaves owes what was produced.
    pub fn owe(&mut self, charge: Charge, now: Duration) {
        self.owed = Some(charge);
        self.at = self.at.max(now);
    }

    /// Books what was used, be it more or less than was held, in the windows it was reserved in.
    pub fn settle(mut self, charge: Charge, now: Duration) {
        self.at = self.at.max(now);
        self.owed = Some(charge);
        self.end();
    }

    /// Books nothing: the call was never sent, or is not charged.
    pub fn release(mut self) {
        self.owed = None;
        self.end();
    }

    fn end(&mut self) {
        let Some(hold) = self.hold.take() else { return };
        let Some(charge) = self.owed.take() else {
            hold.close(None);
            if let Some(journal) = self.ledger.journal.as_ref().filter(|_| self.recorded) {
                journal.ended(Record::Released(self.id));
            }
            return;
        };
        let event = self.event(&hold, charge);
        let EventKind::Charged(charged) = &event.kind else {
            return;
        };
        hold.close(Some(&charged.spend));
        let Some(journal) = &self.ledger.journal else {
            return;
        };
        if self.recorded {
            journal.ended(Record::Event(event));
        } else if journal.noted(Record::Event(event)).is_err() {
            self.ledger.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn event(&self, hold: &Hold, charge: Charge) -> LedgerEvent {
        let postings = hold.postings_of(&charge.spend);
        let held = hold.amounts();
        if postings
            .iter()
            .zip(held)
            .any(|(used, held)| used.amount > held)
        {
            self.ledger.overruns.fetch_add(1, Ordering::Relaxed);
        }
        let mut call = (*self.call).clone();
        call.provider = charge.provider.or(call.provider);
        call.upstream_model = charge.upstream_model.or(call.upstream_model);
        call.price = charge.price;
        LedgerEvent {
            id: self.id,
            occurred_at: self.at,
            postings,
            kind: EventKind::Charged(Box::new(BillingEvent {
                call,
                spend: charge.spend,
                estimated: charge.estimated,
                uncertain: false,
            })),
        }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.end();
    }
}
