//! What the journal records.

use std::sync::Arc;
use std::time::Duration;

use ferrogate_types::{LedgerEventId, Money, Price, RequestId, Units, Usage};

use super::codec::{Decoder, Encoder};
use crate::event::{
    Adjustment, BillingEvent, CallFacts, EventKind, LedgerEvent, Posting, PriceRow,
};
use crate::{Spend, Unit, Window};

/// One step in the life of the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Record {
    /// A call is about to be sent.
    Opened(Opened),
    /// A call holds more: what it holds from now on.
    ToppedUp(Holding),
    /// A call was charged (which ends what it held), or a charge was corrected.
    Event(LedgerEvent),
    /// A call ended and owes nothing.
    Released(LedgerEventId),
    /// Balances were taken from a store.
    Seeded(Vec<Posting>),
    /// A checkpoint begins: how many balances and open calls follow.
    Checkpoint { balances: u64, open: u64 },
    /// Of a checkpoint: what is spent.
    Balance(Posting),
    /// Of a checkpoint: a call under way.
    Standing(Opened),
}

/// A call under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Opened {
    pub(crate) at: Duration,
    pub(crate) call: Arc<CallFacts>,
    pub(crate) holding: Holding,
}

/// What a call under way holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Holding {
    pub(crate) id: LedgerEventId,
    pub(crate) worst: Spend,
    pub(crate) postings: Vec<Posting>,
}

/// The version of the encoding below. A record of another version is not read: it comes from a newer release.
const VERSION: u8 = 1;

impl Record {
    /// The record as bytes, under its sequence number.
    pub(crate) fn encode(&self, sequence: u64) -> Vec<u8> {
        let mut to = Encoder::default();
        to.byte(VERSION);
        to.number(sequence);
        match self {
            Self::Opened(opened) => {
                to.byte(1);
                put_opened(&mut to, opened);
            }
            Self::ToppedUp(holding) => {
                to.byte(2);
                put_holding(&mut to, holding);
            }
            Self::Event(event) => {
                to.byte(3);
                put_event(&mut to, event);
            }
            Self::Released(id) => {
                to.byte(4);
                to.unsigned(id.bits());
            }
            Self::Seeded(postings) => {
                to.byte(5);
                put_postings(&mut to, postings);
            }
            Self::Checkpoint { balances, open } => {
                to.byte(6);
                to.number(*balances);
                to.number(*open);
            }
            Self::Balance(posting) => {
                to.byte(7);
                put_posting(&mut to, posting);
            }
            Self::Standing(opened) => {
                to.byte(8);
                put_opened(&mut to, opened);
            }
        }
        to.into_bytes()
    }

    /// The sequence number and the record; nothing when the bytes are no record of this version.
    pub(crate) fn decode(bytes: &[u8]) -> Option<(u64, Self)> {
        let mut from = Decoder::new(bytes);
        (from.byte()? == VERSION).then_some(())?;
        let sequence = from.number()?;
        let record = match from.byte()? {
            1 => Self::Opened(take_opened(&mut from)?),
            2 => Self::ToppedUp(take_holding(&mut from)?),
            3 => Self::Event(take_event(&mut from)?),
            4 => Self::Released(LedgerEventId::from_bits(from.unsigned()?)),
            5 => Self::Seeded(from.list(take_posting)?),
            6 => Self::Checkpoint {
                balances: from.number()?,
                open: from.number()?,
            },
            7 => Self::Balance(take_posting(&mut from)?),
            8 => Self::Standing(take_opened(&mut from)?),
            _ => return None,
        };
        from.is_done().then_some((sequence, record))
    }
}

fn put_opened(to: &mut Encoder, opened: &Opened) {
    put_time(to, opened.at);
    put_call(to, &opened.call);
    put_holding(to, &opened.holding);
}

fn take_opened(from: &mut Decoder<'_>) -> Option<Opened> {
    Some(Opened {
        at: take_time(from)?,
        call: Arc::new(take_call(from)?),
        holding: take_holding(from)?,
    })
}

fn put_holding(to: &mut Encoder, holding: &Holding) {
    to.unsigned(holding.id.bits());
    put_spend(to, &holding.worst);
    put_postings(to, &holding.postings);
}

fn take_holding(from: &mut Decoder<'_>) -> Option<Holding> {
    Some(Holding {
        id: LedgerEventId::from_bits(from.unsigned()?),
        worst: take_spend(from)?,
        postings: from.list(take_posting)?,
    })
}

fn put_event(to: &mut Encoder, event: &LedgerEvent) {
    to.unsigned(event.id.bits());
    put_time(to, event.occurred_at);
    put_postings(to, &event.postings);
    match &event.kind {
        EventKind::Charged(charged) => {
            to.byte(1);
            put_call(to, &charged.call);
            put_spend(to, &charged.spend);
            to.flag(charged.estimated);
            to.flag(charged.uncertain);
        }
        EventKind::Adjusted(adjusted) => {
            to.byte(2);
            to.unsigned(adjusted.of.bits());
            to.option(adjusted.actual.as_ref(), put_spend);
            to.text(&adjusted.reason);
        }
    }
}

fn take_event(from: &mut Decoder<'_>) -> Option<LedgerEvent> {
    Some(LedgerEvent {
        id: LedgerEventId::from_bits(from.unsigned()?),
        occurred_at: take_time(from)?,
        postings: from.list(take_posting)?,
        kind: match from.byte()? {
            1 => EventKind::Charged(Box::new(BillingEvent {
                call: take_call(from)?,
                spend: take_spend(from)?,
                estimated: from.flag()?,
                uncertain: from.flag()?,
            })),
            2 => EventKind::Adjusted(Adjustment {
                of: LedgerEventId::from_bits(from.unsigned()?),
                actual: from.option(take_spend)?,
                reason: from.shared()?,
            }),
            _ => return None,
        },
    })
}

fn put_postings(to: &mut Encoder, postings: &[Posting]) {
    to.number(u64::try_from(postings.len()).unwrap_or_default());
    for posting in postings {
        put_posting(to, posting);
    }
}

fn put_posting(to: &mut Encoder, posting: &Posting) {
    to.text(posting.account.as_str());
    to.text(posting.unit.as_str());
    to.signed(posting.window.start().into());
    to.signed(posting.window.end().into());
    to.signed(posting.amount.into());
}

fn take_posting(from: &mut Decoder<'_>) -> Option<Posting> {
    Some(Posting {
        account: from.parsed()?,
        unit: from.parsed::<Unit>()?,
        window: Window::from_bounds(from.amount()?, from.amount()?),
        amount: from.amount()?,
    })
}

fn put_call(to: &mut Encoder, call: &CallFacts) {
    to.text(call.request_id.as_str());
    to.option(call.key.as_ref(), |to, key| to.text(key.as_str()));
    to.option(call.tenant.as_ref(), |to, tenant| to.text(tenant.as_str()));
    to.option(call.user.as_ref(), |to, user| to.text(user));
    to.text(call.model.as_str());
    to.option(call.provider.as_ref(), |to, id| to.text(id.as_str()));
    to.option(call.upstream_model.as_ref(), |to, id| to.text(id.as_str()));
    to.option(call.price.as_ref(), |to, row| {
        to.number(u64::try_from(row.iter().len()).unwrap_or_default());
        for (name, price) in row.iter() {
            to.text(name);
            to.signed(price.nanos());
        }
    });
}

fn take_call(from: &mut Decoder<'_>) -> Option<CallFacts> {
    Some(CallFacts {
        request_id: RequestId::from_hex(from.text()?)?,
        key: from.option(Decoder::parsed)?,
        tenant: from.option(Decoder::parsed)?,
        user: from.option(Decoder::shared)?,
        model: from.parsed()?,
        provider: from.option(Decoder::parsed)?,
        upstream_model: from.option(Decoder::parsed)?,
        price: from.option(|from| {
            let row = from.list(|from| {
                Some((
                    String::from(&*from.shared()?),
                    Price::from_nanos(from.signed()?),
                ))
            })?;
            Some(row.into_iter().collect::<PriceRow>())
        })?,
    })
}

/// Every number of a usage, in the order of the encoding.
fn counts(usage: &mut Usage) -> [&mut u64; 14] {
    let Usage {
        input,
        cached_input,
        cache_write,
        cache_write_1h,
        audio_input,
        image_input,
        output,
        reasoning,
        audio_output,
        image_output,
        units:
            Units {
                images,
                audio_seconds,
                characters,
                search_units,
            },
    } = usage;
    [
        input,
        cached_input,
        cache_write,
        cache_write_1h,
        audio_input,
        image_input,
        output,
        reasoning,
        audio_output,
        image_output,
        images,
        audio_seconds,
        characters,
        search_units,
    ]
}

fn put_spend(to: &mut Encoder, spend: &Spend) {
    for count in counts(&mut spend.usage.clone()) {
        to.number(*count);
    }
    to.option(spend.cost, |to, cost| to.signed(cost.nanos()));
}

fn take_spend(from: &mut Decoder<'_>) -> Option<Spend> {
    let mut usage = Usage::default();
    for count in counts(&mut usage) {
        *count = from.number()?;
    }
    let cost = from.option(Decoder::signed)?.map(Money::from_nanos);
    Some(Spend { usage, cost })
}

fn put_time(to: &mut Encoder, at: Duration) {
    to.number(u64::try_from(at.as_millis()).unwrap_or(u64::MAX));
}

fn take_time(from: &mut Decoder<'_>) -> Option<Duration> {
    from.number().map(Duration::from_millis)
}

#[cfg(test)]
pub(crate) mod tests;
