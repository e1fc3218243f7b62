//! The soak: random faults, and callers that leave in every phase; afterwards everything is back where it began.
//!
//! `FERROGATE_SOAK` says for how long (`10s` by default, `scripts/soak.sh` takes ten minutes) and `FERROGATE_SOAK_SEED`
//! repeats a run: what is asked for and who leaves when, though not what the machine makes of it.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use fastrand::Rng;
use ferrogate_testkit::{Client, FakeFleet, Fault, Gateway, Launch, PATIENCE, Request, Response};
use serde_json::{Value, json};

const BIN: &str = env!("CARGO_BIN_EXE_ferrogate");
const CALLERS: usize = 16;
const MODELS: usize = 60;
/// How much larger than behind the warm-up the process may be in the end.
const GROWTH: u64 = 32 << 20;

/// What the providers of the soak do.
const FAULTS: [Option<Fault>; 40] = [
    None,
    None,
    None,
    Some(Fault::Refused),
    Some(Fault::Unreachable),
    Some(Fault::Untrusted),
    Some(Fault::ClosedBeforeAnswer),
    Some(Fault::ResetBeforeAnswer),
    Some(Fault::ClosedInHeader),
    Some(Fault::ResetAfterHeader),
    Some(Fault::ResetAfterEvents(2)),
    Some(Fault::ClosedAfterEvents(2)),
    Some(Fault::ClosedAfterAnswer),
    Some(Fault::StallBeforeHeader),
    Some(Fault::StallAfterEvents(0)),
    Some(Fault::StallAfterEvents(2)),
    Some(Fault::HeaderDrip),
    Some(Fault::OnlyComments),
    Some(Fault::EndlessDrip),
    Some(Fault::SlowDrip),
    Some(Fault::Interim),
    Some(Fault::SwitchesProtocols),
    Some(Fault::TruncatedBody),
    Some(Fault::TruncatedStream(2)),
    Some(Fault::DoneMissing),
    Some(Fault::HalfCharacters),
    Some(Fault::RateLimited(1)),
    Some(Fault::Status(400)),
    Some(Fault::Status(503)),
    Some(Fault::HtmlError),
    Some(Fault::ErrorInAnswer),
    Some(Fault::ErrorFirst),
    Some(Fault::ErrorAfterEvents(2)),
    Some(Fault::BrokenChunk(2)),
    Some(Fault::HugeEventAfterEvents(2)),
    Some(Fault::LargeEvent),
    Some(Fault::LengthTooShort),
    Some(Fault::Garbage),
    Some(Fault::HugeHeader(1 << 20)),
    Some(Fault::MoreAfterDone),
];

/// When a caller leaves.
#[derive(Clone, Copy, Debug)]
enum Leaves {
    /// Before it has asked anything.
    Connected,
    /// With half a request sent.
    Asking,
    /// After so many milliseconds, whatever has come: in the queue, while the gateway connects or waits, or later.
    Waiting(u64),
    /// With the head of the answer.
    Answered,
    /// Behind so many pieces of the body.
    Reading(usize),
    /// When it has the whole answer.
    Never,
}

fn leaves(rng: &mut Rng) -> Leaves {
    match rng.u8(0..10) {
        0 => Leaves::Connected,
        1 => Leaves::Asking,
        2..=4 => Leaves::Waiting(rng.u64(0..400)),
        5 => Leaves::Answered,
        6 => Leaves::Reading(rng.usize(1..6)),
        _ => Leaves::Never,
    }
}

fn launch(fleet: &FakeFleet, rng: &mut Rng) -> Gateway {
    let mut block = "ai_gateway {\nmax_response_bytes 1MiB\nstream_keep_alive 100ms\n".to_owned();
    for (index, fault) in FAULTS.into_iter().enumerate() {
        let base_url = fleet.enlist(&format!("p{index}"), fault);
        write!(
            block,
            "provider p{index} {{
                kind openai-compatible
                base_url {base_url}
                api_key sk-one
                api_key sk-two
                timeout {{
                    connect 200ms
                    first_byte 200ms
                    first_token 400ms
                    idle 200ms
                    total 1s
                }}
                max_concurrency 4 queue 8 wait 300ms
                retry {{
                    attempts 2
                    backoff 1ms
                    max_backoff 5ms
                }}
                circuit_breaker {{
                    failures 20
                    open 200ms
                }}
            }}\n"
        )
        .expect("a text takes what is written");
    }
    for model in 0..MODELS {
        let mut order: Vec<usize> = (0..FAULTS.len()).collect();
        rng.shuffle(&mut order);
        let targets: Vec<String> = order
            .iter()
            .take(3)
            .map(|index| format!("p{index}"))
            .collect();
        writeln!(block, "model m{model} -> {}", targets.join(" "))
            .expect("a text takes what is written");
    }
    block += "}";
    Launch::site(BIN, &block).start()
}

/// A caller that asks and leaves as chance will have it; says whether it had a whole answer.
fn call(gateway: &Gateway, rng: &mut Rng) -> bool {
    let stream = rng.bool();
    let path = if rng.bool() {
        "/v1/chat/completions"
    } else {
        "/v1/messages"
    };
    let body = json!({
        "model": format!("m{}", rng.usize(0..MODELS)), "max_tokens": 100, "stream": stream,
        "messages": [{ "role": "user", "content": "hi" }],
    });
    let request = Request::post(path, &body);
    let leaves = leaves(rng);
    let mut client = Client::connect(gateway.address());
    let bytes = request.bytes();
    match leaves {
        Leaves::Connected => return false,
        Leaves::Asking => {
            client.send(&bytes[..bytes.len() / 2]);
            return false;
        }
        _ => client.send(&bytes),
    }
    match leaves {
        Leaves::Waiting(time) => client.linger(Duration::from_millis(time)),
        Leaves::Answered => drop(client.head()),
        Leaves::Reading(pieces) => {
            let head = client.head();
            if head.field("transfer-encoding").is_some() {
                for _ in 0..pieces {
                    if client.chunk().is_none() {
                        break;
                    }
                }
            }
        }
        _ => {
            check(&client.response(), stream);
            return true;
        }
    }
    if rng.bool() {
        client.reset();
    }
    false
}

/// Who stays is told the truth: a whole answer, or an error.
fn check(answer: &Response, stream: bool) {
    let text = String::from_utf8_lossy(&answer.body);
    assert!(answer.complete, "the framing of an answer broke: {text}");
    if stream && answer.status == 200 {
        let ends =
            text.matches("data: [DONE]").count() + text.matches("event: message_stop").count();
        let errors = text.matches("\"error\":{").count();
        assert_eq!(ends + errors, 1, "{text}");
    } else {
        let told = serde_json::from_str::<Value>(&text).is_ok_and(|body| body["error"].is_object());
        assert_eq!(told, answer.status != 200, "{}: {text}", answer.status);
    }
}

/// Callers come and go until time is up; how many asked, and how many had a whole answer.
fn load(gateway: &Gateway, seed: u64, time: Duration) -> (usize, usize) {
    let (asked, whole) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let end = Instant::now() + time;
    std::thread::scope(|scope| {
        for number in 0..CALLERS {
            let (asked, whole) = (&asked, &whole);
            scope.spawn(move || {
                let mut rng = Rng::with_seed(seed.wrapping_add(number as u64));
                while Instant::now() < end {
                    asked.fetch_add(1, Ordering::Relaxed);
                    whole.fetch_add(usize::from(call(gateway, &mut rng)), Ordering::Relaxed);
                }
            });
        }
    });
    (asked.into_inner(), whole.into_inner())
}

/// What a process holds.
#[derive(Clone, Copy, Debug)]
struct Held {
    descriptors: usize,
    threads: usize,
    /// Bytes.
    resident: u64,
    /// Requests under way, that of the question not counted.
    in_flight: i64,
    /// Connections of callers, that of the question not counted.
    connections: i64,
}

impl Held {
    fn by(gateway: &Gateway) -> Self {
        let entries = |what: &str| {
            std::fs::read_dir(format!("/proc/{}/{what}", gateway.id()))
                .expect("the gateway runs")
                .count()
        };
        let status = std::fs::read_to_string(format!("/proc/{}/status", gateway.id()))
            .expect("the gateway runs");
        let resident: u64 = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB"))
            .and_then(|kibibytes| kibibytes.trim().parse().ok())
            .expect("Linux tells the resident set");
        let metrics = Request::get("/metrics").send(gateway.address()).text();
        let gauge = |name: &str| -> i64 {
            let value = metrics.lines().find_map(|line| line.strip_prefix(name));
            value
                .and_then(|value| value.trim().parse().ok())
                .unwrap_or_else(|| panic!("no {name} in {metrics}"))
        };
        Self {
            descriptors: entries("fd"),
            threads: entries("task"),
            resident: resident << 10,
            in_flight: gauge("ferrogate_http_requests_in_flight ") - 1,
            connections: gauge("ferrogate_connections_open ") - 1,
        }
    }

    /// Whether there is no more of anything than there was.
    fn is_back_at(self, before: Self) -> bool {
        self.descriptors <= before.descriptors
            && self.threads <= before.threads
            && self.resident <= before.resident + GROWTH
            && self.in_flight == 0
            && self.connections == 0
    }
}

/// Waits until the process holds no more than before, where that is known, and is idle; fails with what is left.
fn at_rest(gateway: &Gateway, fleet: &FakeFleet, before: Option<Held>) -> Held {
    assert!(
        fleet.wait_for_rest(Duration::from_secs(5)),
        "providers are still answering callers that left"
    );
    // What waits in the pool for the next call is no leak: it goes when its peer does.
    fleet.hang_up();
    let deadline = Instant::now() + PATIENCE;
    loop {
        let held = Held::by(gateway);
        let idle = held.in_flight == 0 && held.connections == 0;
        if before.map_or(idle, |before| held.is_back_at(before)) {
            return held;
        }
        assert!(
            Instant::now() < deadline,
            "the gateway holds {held:?}, and held {before:?} before"
        );
        // The pool is tidied along the way of calls.
        let body = json!({ "model": "m0", "messages": [] });
        Request::post("/v1/chat/completions", &body).send(gateway.address());
        fleet.hang_up();
        std::thread::yield_now();
    }
}

fn time(text: &str) -> Duration {
    let (number, unit) = text.split_at(text.len().saturating_sub(1));
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => panic!("`{text}` is no time such as 10s, 10m or 1h"),
    };
    Duration::from_secs(number.parse::<u64>().expect("a whole number") * seconds)
}

#[test]
fn after_random_faults_and_callers_that_leave_everything_is_back_where_it_began() {
    let length = time(&std::env::var("FERROGATE_SOAK").unwrap_or_else(|_| "10s".to_owned()));
    let seed = std::env::var("FERROGATE_SOAK_SEED").ok().map_or_else(
        || fastrand::u64(..),
        |seed| seed.parse().expect("a seed is a number"),
    );
    eprintln!("FERROGATE_SOAK_SEED={seed}");
    let mut rng = Rng::with_seed(seed);
    let fleet = FakeFleet::forgetful();
    let mut gateway = launch(&fleet, &mut rng);
    // The warm-up: threads are started and buffers have grown.
    load(
        &gateway,
        rng.u64(..),
        (length / 5).min(Duration::from_secs(30)),
    );
    let before = at_rest(&gateway, &fleet, None);
    let (asked, whole) = load(&gateway, rng.u64(..), length);
    let after = at_rest(&gateway, &fleet, Some(before));
    eprintln!("{asked} callers, {whole} with a whole answer; before {before:?}, after {after:?}");
    assert!(gateway.is_running());
    assert!(
        whole > 0 && asked > whole,
        "{asked} callers, {whole} stayed"
    );
    assert!(!gateway.log().contains("panicked"), "{}", gateway.log());
}
