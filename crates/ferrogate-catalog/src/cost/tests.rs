use ferrogate_types::{Money, Price, Units, Usage};
use proptest::prelude::*;

use crate::{Bucket, Catalog, Prices, Tier};

fn prices(text: &str) -> Prices {
    let catalog = Catalog::parse(&format!("provider p\nmodel m chat {text}\n"), "x").unwrap();
    catalog.get("p", "m").unwrap().prices.clone()
}

fn cost(text: &str, usage: &Usage, tier: Tier) -> Option<String> {
    prices(text)
        .cost(usage, tier)
        .map(|money| money.to_string())
}

#[track_caller]
fn check(text: &str, usage: Usage, tier: Tier, expected: &str) {
    assert_eq!(
        cost(text, &usage, tier).as_deref(),
        Some(expected),
        "{text} {usage:?}"
    );
}

/// A million tokens, so that a price is the cost.
const M: u64 = 1_000_000;

#[test]
fn charges_each_kind_of_token_at_its_price() {
    let all = Usage {
        input: 10 * M,
        cached_input: 2 * M,
        cache_write: 3 * M,
        cache_write_1h: M,
        audio_input: 2 * M,
        image_input: M,
        output: 10 * M,
        reasoning: 3 * M,
        audio_output: 2 * M,
        image_output: M,
        units: Units::default(),
    };
    // Two of fresh text, two of sound, one of pictures, two cached, two written for minutes, one for an hour;
    // four of text, three of reasoning, two of sound, one of pictures.
    check(
        "in=1 cached=0.1 write_5m=1.25 write_1h=2 audio_in=7 image_in=3 out=10 reasoning=11 audio_out=20 image_out=30",
        all,
        Tier::Standard,
        // 2 + 14 + 3 + 0.2 + 2.5 + 2 + 40 + 33 + 40 + 30
        "166.7",
    );
    // What has no price of its own costs what the whole does.
    check("in=1 out=10", all, Tier::Standard, "110");
    check(
        "in=1 write_5m=2 out=10",
        all,
        Tier::Standard,
        // 7 + 3 × 2 + 100
        "113",
    );
}

#[test]
fn worked_examples() {
    let usage = |input, cached_input, output, reasoning| Usage {
        input,
        cached_input,
        output,
        reasoning,
        ..Usage::default()
    };
    for (text, usage, tier, expected) in [
        // 800 × 2.5 + 200 × 1.25 + 500 × 10, in millionths.
        (
            "in=2.5 cached=1.25 out=10",
            usage(1_000, 200, 500, 0),
            Tier::Standard,
            "0.00725",
        ),
        (
            "in=2.5 cached=1.25 out=10",
            usage(0, 0, 0, 0),
            Tier::Standard,
            "0",
        ),
        ("in=0 out=0", usage(5, 1, 5, 1), Tier::Standard, "0"),
        // Half of everything.
        (
            "in=2.5 cached=1.25 out=10 batch=x0.5",
            usage(1_000, 200, 500, 0),
            Tier::Batch,
            "0.003625",
        ),
        // The batch keeps the price of cached input: 800 × 1.25 + 200 × 1.25 + 500 × 5.
        (
            "in=2.5 cached=1.25 out=10 batch:in=1.25 batch:out=5",
            usage(1_000, 200, 500, 0),
            Tier::Batch,
            "0.00375",
        ),
        // A tier of its own: 800 × 1.25 + 200 × 0.7 + 500 × 5.
        (
            "in=2.5 cached=1.25 out=10 flex=x0.5 flex:cached=0.7",
            usage(1_000, 200, 500, 0),
            Tier::Flex,
            "0.00364",
        ),
        // No discount is known: the standard, which is not too little.
        (
            "in=2.5 cached=1.25 out=10",
            usage(1_000, 200, 500, 0),
            Tier::Flex,
            "0.00725",
        ),
        // The priority has no price for cached input: 1,000 × 5 + 500 × 20.
        (
            "in=2.5 cached=1.25 out=10 priority:in=5 priority:out=20",
            usage(1_000, 200, 500, 0),
            Tier::Priority,
            "0.015",
        ),
        // The threshold itself is not above it: 200,000 × 1.25 + 1,000 × 10.
        (
            "in=1.25 out=10 in>200000=2.5 out>200000=15",
            usage(200_000, 0, 1_000, 0),
            Tier::Standard,
            "0.26",
        ),
        // One token more, and the whole call is dear: 200,001 × 2.5 + 1,000 × 15.
        (
            "in=1.25 out=10 in>200000=2.5 out>200000=15",
            usage(200_001, 0, 1_000, 0),
            Tier::Standard,
            "0.5150025",
        ),
        // The highest threshold below the prompt: 300 × 3 + 10 × 2.
        (
            "in=1 out=1 in>100=2 in>200=3 in>400=9 out>200=2",
            usage(300, 0, 10, 0),
            Tier::Standard,
            "0.00092",
        ),
        // Cached input counts towards the threshold: 1 × 2 + 200 × 0.2.
        (
            "in=1 cached=0.1 in>200=2 cached>200=0.2 out=1",
            usage(201, 200, 0, 0),
            Tier::Standard,
            "0.000042",
        ),
        // Tier and threshold: 300 × 1 + 10 × 1.
        (
            "in=1 out=1 in>200=2 out>200=2 batch=x0.5",
            usage(300, 0, 10, 0),
            Tier::Batch,
            "0.00031",
        ),
        // The tier says nothing of long prompts, so that the dearer of its price and the standard's holds:
        // 300 × 2 + 10 × 4.
        (
            "in=1 out=1 in>200=2 out>200=2 priority:in=1.5 priority:out=4",
            usage(300, 0, 10, 0),
            Tier::Priority,
            "0.00064",
        ),
        // More cached than there was: no negative rest. 300 × 1.25.
        (
            "in=2.5 cached=1.25 out=10",
            usage(100, 300, 0, 0),
            Tier::Standard,
            "0.000375",
        ),
        // More reasoning than output: 70 × 10.
        ("in=1 out=10", usage(0, 0, 50, 70), Tier::Standard, "0.0007"),
    ] {
        check(text, usage, tier, expected);
    }
}

#[test]
fn charges_units() {
    let units = |images, audio_seconds, characters, search_units| Usage {
        units: Units {
            images,
            audio_seconds,
            characters,
            search_units,
        },
        ..Usage::default()
    };
    check("per_image=0.04", units(3, 0, 0, 0), Tier::Standard, "0.12");
    check(
        "per_minute=0.006",
        units(0, 90, 0, 0),
        Tier::Standard,
        "0.009",
    );
    check(
        "per_million_characters=15",
        units(0, 0, 4_096, 0),
        Tier::Standard,
        "0.06144",
    );
    check(
        "per_search_unit=0.002",
        units(0, 0, 0, 2),
        Tier::Standard,
        "0.004",
    );
    check(
        "per_image=0.04 priority=x2",
        units(1, 0, 0, 0),
        Tier::Priority,
        "0.08",
    );
    // Counted, but billed by the other kind.
    let both = Usage {
        input: 1_000,
        ..units(2, 0, 0, 0)
    };
    check("per_image=0.04", both, Tier::Standard, "0.08");
    check("in=5 image_out=40", both, Tier::Standard, "0.005");
    check("in=5 per_image=0.04", both, Tier::Standard, "0.085");
}

#[test]
fn never_zero_by_silence() {
    let tokens = Usage {
        input: 10,
        output: 10,
        ..Usage::default()
    };
    let speech = Usage {
        units: Units {
            characters: 10,
            ..Units::default()
        },
        ..Usage::default()
    };
    for (text, usage, tier) in [
        ("", tokens, Tier::Standard),
        ("", Usage::default(), Tier::Standard),
        ("in=1", tokens, Tier::Standard),
        ("out=1", tokens, Tier::Standard),
        ("in>100=1 out=1", tokens, Tier::Standard),
        ("in=1 out=1", tokens, Tier::Priority),
        ("in=1 out=1", tokens, Tier::Fast),
        ("in=1 out=1 priority:in=2", tokens, Tier::Priority),
        ("per_image=1", tokens, Tier::Standard),
        ("in=1 out=1", speech, Tier::Standard),
        ("per_image=1", speech, Tier::Standard),
    ] {
        assert_eq!(cost(text, &usage, tier), None, "{text} {usage:?}");
    }
    // Embeddings have no output to price.
    let embedding = Usage {
        input: 10,
        ..Usage::default()
    };
    check("in=1", embedding, Tier::Standard, "0.00001");
}

#[test]
fn an_operators_price_replaces_every_other_of_its_bucket() {
    let price: Price = "3".parse().unwrap();
    let own = prices("in=1 in>100=2 out=1 batch=x0.5").with(Bucket::Input, price);
    for (tier, prompt) in [
        (Tier::Standard, 1),
        (Tier::Standard, 101),
        (Tier::Batch, 101),
    ] {
        assert_eq!(own.rate(Bucket::Input, tier, prompt), Some(price));
    }
    assert_eq!(own.base(Bucket::Input), Some(price));
    assert_eq!(own.base(Bucket::CachedInput), None);
    assert_eq!(
        own.rate(Bucket::Output, Tier::Batch, 1)
            .unwrap()
            .to_string(),
        "0.5"
    );
}

#[test]
fn rows_of_the_catalog_worked_out_by_hand() {
    let long_write = Usage {
        input: 300_000,
        cached_input: 250_000,
        cache_write: 40_000,
        cache_write_1h: 30_000,
        output: 2_000,
        reasoning: 1_500,
        ..Usage::default()
    };
    for (provider, model, tier, expected) in [
        // 10,000 × 5 + 250,000 × 0.5 + 10,000 × 6.25 + 30,000 × 10 + 2,000 × 25.
        (
            "anthropic",
            "claude-opus-4-5-20251101",
            Tier::Standard,
            "0.5875",
        ),
        ("anthropic", "claude-opus-4-5", Tier::Batch, "0.29375"),
        // A tenth more in a region: 0.5875 × 1.1.
        (
            "bedrock",
            "eu.anthropic.claude-opus-4-5-20251101-v1:0",
            Tier::Standard,
            "0.64625",
        ),
        // Above 272,000: 50,000 × 5 (writes are not priced apart) + 250,000 × 0.5 + 2,000 × 22.5.
        ("openai", "gpt-5.4-2026-03-05", Tier::Standard, "0.42"),
    ] {
        let row = Catalog::embedded().get(provider, model).unwrap();
        let cost = row.prices.cost(&long_write, tier).unwrap();
        assert_eq!(cost.to_string(), expected, "{provider}/{model} {tier:?}");
    }
}

/// Prices whose long prompts are dearer, as they are everywhere.
fn any_prices() -> impl Strategy<Value = Prices> {
    let price = (0_u64..1_000_000, 0_u64..1_000_000, 1_u64..2_000);
    let buckets = proptest::collection::vec(proptest::option::of(price), Bucket::ALL.len());
    (buckets, 0_u64..3).prop_map(|(buckets, factor)| {
        let mut words = vec![format!("batch=x0.{factor}")];
        for (bucket, price) in Bucket::ALL.iter().zip(buckets) {
            let Some((base, extra, above)) = price else {
                continue;
            };
            let (word, dear) = (bucket.as_str(), base + extra);
            words.push(format!("{word}=0.{base:06}"));
            if bucket.is_tokens() {
                words.push(format!("{word}>{above}={}.{:06}", dear / M, dear % M));
            }
        }
        prices(&words.join(" "))
    })
}

fn any_usage() -> impl Strategy<Value = Usage> {
    let count = prop_oneof![0_u64..5_000, Just(0_u64), Just(u64::MAX)];
    proptest::collection::vec(count, 14).prop_map(|n| Usage {
        input: n[0],
        cached_input: n[1],
        cache_write: n[2],
        cache_write_1h: n[3],
        audio_input: n[4],
        image_input: n[5],
        output: n[6],
        reasoning: n[7],
        audio_output: n[8],
        image_output: n[9],
        units: Units {
            images: n[10],
            audio_seconds: n[11],
            characters: n[12],
            search_units: n[13],
        },
    })
}

/// More of one bucket, and of the whole it is a part of.
const GROWTHS: [fn(&mut Usage, u64); 14] = [
    |usage, n| usage.input += n,
    |usage, n| {
        usage.input += n;
        usage.cached_input += n;
    },
    |usage, n| {
        usage.input += n;
        usage.cache_write += n;
    },
    |usage, n| {
        usage.input += n;
        usage.cache_write += n;
        usage.cache_write_1h += n;
    },
    |usage, n| {
        usage.input += n;
        usage.audio_input += n;
    },
    |usage, n| {
        usage.input += n;
        usage.image_input += n;
    },
    |usage, n| usage.output += n,
    |usage, n| {
        usage.output += n;
        usage.reasoning += n;
    },
    |usage, n| {
        usage.output += n;
        usage.audio_output += n;
    },
    |usage, n| {
        usage.output += n;
        usage.image_output += n;
    },
    |usage, n| usage.units.images += n,
    |usage, n| usage.units.audio_seconds += n,
    |usage, n| usage.units.characters += n,
    |usage, n| usage.units.search_units += n,
];

/// Usage whose parts fit into their wholes, as providers ought to report it.
fn sound_usage() -> impl Strategy<Value = Usage> {
    proptest::collection::vec(0_u64..1_000, 14).prop_map(|counts| {
        let mut usage = Usage::default();
        for (grow, count) in GROWTHS.iter().zip(counts) {
            grow(&mut usage, count);
        }
        usage
    })
}

proptest! {
    #[test]
    fn more_never_costs_less(prices in any_prices(), usage in sound_usage(), kind in 0..GROWTHS.len(), more in 0_u64..3_000) {
        let mut grown = usage;
        GROWTHS[kind](&mut grown, more);
        for tier in [Tier::Standard, Tier::Batch] {
            if let (Some(less), Some(cost)) = (prices.cost(&usage, tier), prices.cost(&grown, tier)) {
                prop_assert!(less <= cost, "{prices:?}");
            }
        }
    }

    #[test]
    fn nothing_panics_or_is_negative(prices in any_prices(), usage in any_usage()) {
        for &tier in Tier::ALL {
            if let Some(cost) = prices.cost(&usage, tier) {
                prop_assert!(cost >= Money::ZERO);
            }
        }
    }
}
