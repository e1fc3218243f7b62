//! Calls under budgets, and what the books say of them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use ferrogate_testkit::{FakeOpenAi, Launch, Operator, Request, until};
use serde_json::{Value, json};

pub(crate) const MASTER: &str = "the-master-key-of-these-tests-is-long";

/// What a whole answer of the fake costs: 18 tokens at a cent each.
pub(crate) const ANSWER: i128 = 180_000_000;

/// What so many whole answers cost.
pub(crate) fn cost_of(answers: usize) -> i128 {
    ANSWER * i128::try_from(answers).expect("there are not that many")
}

/// A gateway whose model `m` costs a cent for each token, with these global options.
pub(crate) fn launch(global: &str, upstream: &FakeOpenAi, holders: &str) -> Launch {
    let block = format!(
        "ai_gateway {{
            provider up {{
                kind openai-compatible
                base_url {}
                api_key sk
                circuit_breaker off
                retry {{
                    attempts 1
                }}
            }}
            model m -> up {{
                input_price_per_1m 10000
                output_price_per_1m 10000
            }}
            {holders}
        }}",
        upstream.base_url()
    );
    let global = format!("log {{\nformat json\n}}\n{global}");
    Launch::site_with(env!("CARGO_BIN_EXE_ferrogate"), &global, &block).env("MASTER_KEY", MASTER)
}

/// A key of the file, whose secret is `secret-of-` and its id.
pub(crate) fn key(id: &str, limits: &str) -> String {
    format!("api_key {id} {{\nkey secret-of-{id}\nscopes *\n{limits}\n}}\n")
}

/// A call with this secret.
pub(crate) fn call(secret: &str, stream: bool) -> Request {
    let body = json!({
        "model": "m",
        "max_tokens": 10,
        "stream": stream,
        "messages": [{ "role": "user", "content": "hi" }],
    });
    Request::post("/v1/chat/completions", &body).bearer(secret)
}

/// The status of the answer to a call with this secret.
pub(crate) fn status(address: SocketAddr, secret: &str) -> u16 {
    call(secret, false).send(address).status
}

/// Dollars in billionths.
pub(crate) fn nanos(value: &Value) -> i128 {
    let text = value.as_str().unwrap_or("0");
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = format!("{whole}{part:0<9}");
    digits
        .parse()
        .unwrap_or_else(|_| panic!("{value} is not an amount"))
}

/// What is spent and reserved of the first budget of a key of the file, in billionths of a dollar.
pub(crate) fn stands(address: SocketAddr, id: &str) -> (i128, i128) {
    let usage = Request::get("/v1/usage").bearer(&format!("secret-of-{id}"));
    let usage = usage.send(address).expect(200).json();
    let row = &usage["limits"][0];
    (nanos(&row["spent"]), nanos(&row["reserved"]))
}

/// All billing events of the store.
#[derive(Debug)]
pub(crate) struct Events(pub(crate) Vec<Value>);

impl Events {
    /// Reads them; none is there twice.
    pub(crate) fn read(operator: &Operator, filter: &str) -> Self {
        let all = operator.all(&format!("billing-events?{filter}"));
        let ids: BTreeSet<_> = all.iter().map(|event| event["id"].to_string()).collect();
        assert_eq!(
            ids.len(),
            all.len(),
            "an event is in the list twice: {all:?}"
        );
        Self(all)
    }

    /// Reads them as soon as they come to what is spent.
    pub(crate) fn that_sum_to(
        operator: &Operator,
        filter: &str,
        mut spent: impl FnMut() -> i128,
    ) -> Self {
        until("the store to have what the ledger says", || {
            let events = Self::read(operator, filter);
            (events.sum() == spent()).then_some(events)
        })
    }

    pub(crate) fn sum(&self) -> i128 {
        self.0.iter().map(|event| nanos(&event["cost"])).sum()
    }

    /// How often each call was charged.
    pub(crate) fn charges(&self) -> BTreeMap<&str, usize> {
        let mut charges = BTreeMap::new();
        for event in &self.0 {
            let call = event["request_id"].as_str().unwrap_or_default();
            *charges.entry(call).or_default() += 1;
        }
        charges
    }
}
