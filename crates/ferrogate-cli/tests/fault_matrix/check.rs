//! Runs cells and compares what caller, log and ledger saw with the table.

use std::collections::{HashMap, VecDeque};
use std::fmt::Debug;
use std::sync::Mutex;

use ferrogate_testkit::{FakeFleet, Gateway, Launch, Request, Response};
use serde_json::Value;

use crate::caller::Caller;
use crate::cell::{Cell, Expected, Outcome, cells};
use crate::table::{Next, Part, Stop};

pub(crate) const BIN: &str = env!("CARGO_BIN_EXE_ferrogate");
/// What every good answer says, and what its provider says it used.
const TEXT: &str = "Grüß Gott, Oslo… 🌧";
const USED: (u64, u64) = (11, 7);
/// 11 tokens at 1000 and 7 at 2000 dollars a million.
const COST: &str = "0.025";
/// Calls under way at a time: most of a call's time is waiting.
const AT_ONCE: usize = 24;

/// A thread that panics takes the test with it.
const UNPOISONED: &str = "no thread panicked";

/// What does not fit.
#[derive(Default)]
struct Mismatches(Vec<String>);

impl Mismatches {
    fn check<T: PartialEq + Debug>(&mut self, what: &str, found: &T, expected: &T) {
        if found != expected {
            self.0
                .push(format!("{what} is {found:?} and not {expected:?}"));
        }
    }

    fn holds(&mut self, what: &str, holds: bool) {
        if !holds {
            self.0.push(what.to_owned());
        }
    }
}

/// Runs every cell of a part; fails with all that does not fit.
pub(crate) fn run(part: &Part) {
    let fleet = FakeFleet::start();
    let cells = cells(part);
    let gateway = launch(&fleet, &cells);
    let answers = ask_all(&gateway, &cells);
    let log = log_of(&gateway, cells.len());
    let metrics = metrics_of(&gateway);
    let mut wrong = Vec::new();
    for (cell, answer) in cells.iter().zip(&answers) {
        let expected = cell.expected();
        let mut found = Mismatches::default();
        seen_by_caller(&mut found, cell, &expected, answer);
        seen_by_upstreams(&mut found, cell, &expected, &fleet);
        let model = cell.model();
        match log.get(&model) {
            Some(entry) => {
                seen_by_log(&mut found, cell, &expected, entry);
                seen_by_ledger(&mut found, &expected, entry, answer, &metrics, &model);
            }
            None => found.0.push("no entry in the log".to_owned()),
        }
        if !found.0.is_empty() {
            wrong.push(format!(
                "{:?} ({}), stream {}, {:?} caller, {:?}:\n    {}\n    {}",
                cell.row.fault,
                cell.row.what,
                cell.stream,
                cell.caller,
                cell.place,
                found.0.join("\n    "),
                excerpt(&answer.body)
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {} cells are not what the table says:\n{}",
        wrong.len(),
        cells.len(),
        wrong.join("\n")
    );
}

/// The beginning of a body, on one line.
fn excerpt(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body).replace(['\r', '\n'], " ");
    text.chars().take(300).collect()
}

fn launch(fleet: &FakeFleet, cells: &[Cell]) -> Gateway {
    let targets: String = cells.iter().map(|cell| cell.configuration(fleet)).collect();
    let block = format!(
        "log {{\noutput stdout\nformat json\n}}\nai_gateway {{\nmax_response_bytes 2MiB\n{targets}}}"
    );
    Launch::site(BIN, &block).start()
}

/// The answers to all cells, in their order.
fn ask_all(gateway: &Gateway, cells: &[Cell]) -> Vec<Response> {
    let queue: Mutex<VecDeque<usize>> = Mutex::new((0..cells.len()).collect());
    let answers: Mutex<HashMap<usize, Response>> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(index) = next(&queue) {
                    let cell = &cells[index];
                    let request = cell.caller.request(&cell.model(), cell.stream);
                    let answer = request.send(gateway.address());
                    answers.lock().expect(UNPOISONED).insert(index, answer);
                }
            });
        }
    });
    let mut answers = answers.into_inner().expect(UNPOISONED);
    (0..cells.len())
        .map(|index| answers.remove(&index).expect("every cell was asked"))
        .collect()
}

fn next(queue: &Mutex<VecDeque<usize>>) -> Option<usize> {
    queue.lock().expect(UNPOISONED).pop_front()
}

/// The entries of the log by model.
fn log_of(gateway: &Gateway, count: usize) -> HashMap<String, Value> {
    let text = |entry: &Value| entry["model"].as_str().unwrap_or_default().to_owned();
    let entries = gateway.wait_for_accesses(count, |entry| entry["surface"].is_string());
    entries
        .into_iter()
        .map(|entry| (text(&entry), entry))
        .collect()
}

/// Counted tokens by model and kind.
fn metrics_of(gateway: &Gateway) -> HashMap<(String, String), u64> {
    let text = Request::get("/metrics").send(gateway.address()).text();
    let label = |line: &str, name: &str| {
        let (_, rest) = line.split_once(&format!("{name}=\""))?;
        Some(rest.split_once('"')?.0.to_owned())
    };
    text.lines()
        .filter(|line| line.starts_with("ferrogate_gen_ai_tokens_total{"))
        .filter_map(|line| {
            let model = label(line, "gen_ai_request_model")?;
            let kind = label(line, "gen_ai_token_type")?;
            Some(((model, kind), line.rsplit_once(' ')?.1.parse().ok()?))
        })
        .collect()
}

fn seen_by_caller(found: &mut Mismatches, cell: &Cell, expected: &Expected, answer: &Response) {
    let heard = cell.caller.hear(answer, cell.stream);
    found.holds("the framing is broken", answer.complete);
    let tries = expected.trace.len().to_string();
    found.check(
        "x-gateway-attempts",
        &answer.header("x-gateway-attempts"),
        &tries.as_str(),
    );
    let short = expected
        .trace
        .iter()
        .fold(tries.clone(), |short, (name, word)| {
            short + "; " + name + "=" + word
        });
    found.check(
        "x-ferrogate-attempts",
        &answer.header("x-ferrogate-attempts"),
        &short.as_str(),
    );
    match &expected.outcome {
        Outcome::Answered(provider, _) => {
            found.check("status", &answer.status, &200);
            found.check(
                "provider",
                &answer.header("x-ferrogate-provider"),
                &provider.as_str(),
            );
            found.check("text", &heard.text.as_str(), &TEXT);
            found.check("ends", &heard.ends, &1);
            found.check("errors", &heard.errors, &Vec::new());
            found.holds("something comes behind the end", !heard.more);
        }
        Outcome::BreaksOff(provider) => {
            found.check("status", &answer.status, &200);
            found.check(
                "provider",
                &answer.header("x-ferrogate-provider"),
                &provider.as_str(),
            );
            // One that goes on for ever says the same again and again.
            let said = heard.text.replace("Gott, ", "");
            let known = TEXT.replace("Gott, ", "");
            found.holds(
                "the text is not what was sent",
                !heard.text.is_empty() && known.starts_with(&said),
            );
            found.check("ends", &heard.ends, &0);
            found.check("errors", &heard.errors.len(), &1);
            found.holds("the error has no message", !heard.message.is_empty());
            found.holds("something comes behind the error", !heard.more);
        }
        Outcome::Refused(status, code) => {
            let own = match cell.row.end(cell.stream) {
                Some(Stop(word, ..)) if *code == "fake_code" => Some(word),
                Some(Next("529", 503, _)) if *status == 503 => Some("529"),
                _ => None,
            };
            let (status, kind) = cell.caller.knows(*status, own);
            found.check("status", &answer.status, &status);
            let error = heard.errors.first().cloned().unwrap_or_default();
            found.check("error type", &error.0.as_str(), &kind);
            if cell.caller == Caller::OpenAi {
                found.check("error code", &error.1.as_str(), code);
            }
            found.check("text", &heard.text.as_str(), &"");
            if expected.trace.len() > 1 {
                let told =
                    |(name, _): &(String, &str)| heard.message.contains(&format!("{name}: "));
                let all = expected.trace.iter().all(told);
                // What another target would refuse as well is told in the provider's own words.
                let stopped = matches!(cell.row.end(cell.stream), Some(Stop(..)));
                found.holds("the message does not tell each try", all || stopped);
            }
            if status == 429 {
                let wait = answer
                    .header("retry-after")
                    .parse::<u64>()
                    .unwrap_or_default();
                found.holds(
                    "nobody says when to come back",
                    wait > 0 || expected.trace.is_empty(),
                );
            }
        }
    }
}

fn seen_by_upstreams(found: &mut Mismatches, cell: &Cell, expected: &Expected, fleet: &FakeFleet) {
    for provider in cell.providers() {
        let asked = expected.trace.iter().any(|(name, _)| *name == provider);
        let arrives = asked && cell.arrives_at(&provider);
        found.check(
            &format!("requests at {provider}"),
            &fleet.requests(&provider).len(),
            &usize::from(arrives),
        );
    }
}

fn seen_by_log(found: &mut Mismatches, cell: &Cell, expected: &Expected, entry: &Value) {
    let lines: Vec<&str> = entry["attempts"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let names: Vec<&str> = lines
        .iter()
        .map(|line| line.split(':').next().unwrap_or_default())
        .collect();
    let tried: Vec<&str> = expected
        .trace
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    found.check("attempts in the log", &names, &tried);
    let error = entry["error"].as_str().unwrap_or_default();
    let provider = entry["provider"].as_str().unwrap_or_default();
    match &expected.outcome {
        Outcome::Answered(name, _) => {
            found.check("status in the log", &entry["status"].as_u64(), &Some(200));
            found.check("error in the log", &error, &"");
            found.check("provider in the log", &provider, &name.as_str());
        }
        Outcome::BreaksOff(name) => {
            found.check("status in the log", &entry["status"].as_u64(), &Some(200));
            found.holds("the log tells no error", !error.is_empty());
            found.check("provider in the log", &provider, &name.as_str());
        }
        Outcome::Refused(status, _) => {
            let own = matches!(cell.row.end(cell.stream), Some(Next("529", ..))).then_some("529");
            let (status, _) = cell.caller.knows(*status, own);
            found.check(
                "status in the log",
                &entry["status"].as_u64(),
                &Some(status.into()),
            );
            found.holds("the log tells no error", !error.is_empty());
        }
    }
}

fn seen_by_ledger(
    found: &mut Mismatches,
    expected: &Expected,
    entry: &Value,
    answer: &Response,
    metrics: &HashMap<(String, String), u64>,
    model: &str,
) {
    let count = |name: &str| entry[name].as_u64().unwrap_or_default();
    let used = (count("input_tokens"), count("output_tokens"));
    let estimated = entry["estimated"] == true;
    let cost = entry["cost"].as_str().unwrap_or_default();
    match &expected.outcome {
        Outcome::Answered(_, false) => {
            found.check("tokens", &used, &USED);
            found.check("estimated", &estimated, &false);
            found.check("cost", &cost, &COST);
            let told = String::from_utf8_lossy(&answer.body);
            let told = answer.header("x-ferrogate-cost") == COST
                || told.contains(&format!(": x-ferrogate-cost {COST}\n"));
            found.holds("the caller is not told the cost", told);
        }
        Outcome::Answered(_, true) | Outcome::BreaksOff(_) => {
            found.holds(
                "nothing is charged",
                used.0 > 0 && used.1 > 0 && !cost.is_empty(),
            );
            // The fake tells what it used at the very end only.
            found.check("estimated", &estimated, &true);
        }
        Outcome::Refused(..) => {
            found.check("tokens", &used, &(0, 0));
            found.check("cost", &cost, &"");
        }
    }
    let counted = |kind: &str| {
        let key = (model.to_owned(), kind.to_owned());
        metrics.get(&key).copied().unwrap_or_default()
    };
    found.check(
        "tokens in the metrics",
        &(counted("input"), counted("output")),
        &used,
    );
}
