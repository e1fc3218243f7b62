use proptest::prelude::*;

use super::*;

pub(crate) fn call() -> CallFacts {
    CallFacts {
        request_id: RequestId::from_random(7),
        key: "key_dev".parse().ok(),
        tenant: None,
        user: Some("ana".into()),
        model: "fast-chat".parse().unwrap(),
        provider: "openai".parse().ok(),
        upstream_model: None,
        price: Some(
            [("input_price_per_1m", "0.15".parse().unwrap())]
                .into_iter()
                .collect(),
        ),
    }
}

fn posting(amount: i64) -> Posting {
    Posting {
        account: "key:key_dev".parse().unwrap(),
        unit: Unit::NanoDollars,
        window: Window::from_bounds(-7, i64::MAX),
        amount,
    }
}

fn records(number: u64, money: Option<i128>) -> Vec<Record> {
    let id = LedgerEventId::from_bits(u128::from(number) << 60);
    let spend = Spend {
        usage: Usage {
            input: number,
            image_output: 3,
            units: Units {
                search_units: 9,
                ..Units::default()
            },
            ..Usage::default()
        },
        cost: money.map(Money::from_nanos),
    };
    let holding = Holding {
        id,
        worst: spend.clone(),
        postings: vec![posting(5), posting(-5)],
    };
    let opened = Opened {
        at: Duration::from_millis(number >> 8),
        call: Arc::new(call()),
        holding: holding.clone(),
    };
    let charged = BillingEvent {
        call: call(),
        spend: spend.clone(),
        estimated: number.is_multiple_of(2),
        uncertain: true,
    };
    let adjusted = Adjustment {
        of: id,
        actual: money.map(|_| spend),
        reason: "refund".into(),
    };
    let kinds = [
        EventKind::Charged(Box::new(charged)),
        EventKind::Adjusted(adjusted),
    ];
    let events = kinds.into_iter().map(|kind| {
        Record::Event(LedgerEvent {
            id,
            occurred_at: opened.at,
            postings: vec![posting(i64::MIN)],
            kind,
        })
    });
    let others = [
        Record::Opened(opened.clone()),
        Record::ToppedUp(holding),
        Record::Released(id),
        Record::Seeded(vec![posting(i64::MAX)]),
        Record::Checkpoint {
            balances: number,
            open: 3,
        },
        Record::Balance(posting(1)),
        Record::Standing(opened.clone()),
    ];
    events.chain(others).collect()
}

proptest! {
    #[test]
    fn reads_what_it_wrote(sequence: u64, number: u64, money: Option<i128>) {
        for record in records(number, money) {
            let bytes = record.encode(sequence);
            prop_assert_eq!(Record::decode(&bytes), Some((sequence, record)));
            prop_assert_eq!(Record::decode(&bytes[..bytes.len() - 1]), None);
        }
    }

    #[test]
    fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200), kind in 1_u8..10) {
        let mut record = vec![VERSION, 1, kind];
        record.extend(bytes);
        let _ = Record::decode(&record);
    }
}
