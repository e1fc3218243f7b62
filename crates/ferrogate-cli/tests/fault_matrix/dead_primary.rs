//! A dead primary: a thousand callers arrive, all are served, and the dead one is left alone.

use std::sync::atomic::{AtomicUsize, Ordering};

use ferrogate_testkit::{FakeFleet, Fault, Launch, Request};

use crate::caller::Caller;
use crate::check::BIN;

const ASKED: usize = 1000;
const AT_ONCE: usize = 50;
/// Failures in a row that open the breaker.
const FAILURES: usize = 5;

/// Nobody is refused, and the dead one is tried by those who came before its breaker opened and by nobody else.
pub(crate) fn check(fault: Fault) {
    let fleet = FakeFleet::start();
    let provider = |name: &str, fault: Option<Fault>| {
        format!(
            "provider {name} {{
                kind openai-compatible
                base_url {}
                api_key sk-{name}
                timeout {{
                    first_byte 500ms
                }}
                retry {{
                    attempts 1
                }}
                circuit_breaker {{
                    failures {FAILURES}
                    open 1h
                }}
            }}\n",
            fleet.enlist(name, fault)
        )
    };
    let block = format!(
        "ai_gateway {{\n{}{}model m -> dead well\n}}",
        provider("dead", Some(fault)),
        provider("well", None)
    );
    let gateway = Launch::site(BIN, &block).start();
    let (asked, served) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let number = asked.fetch_add(1, Ordering::SeqCst);
                    if number >= ASKED {
                        return;
                    }
                    let request = Caller::OpenAi.request("m", number % 2 == 0);
                    let answer = request.send(gateway.address()).expect(200);
                    let whole = answer.header("x-ferrogate-provider") == "well" && answer.complete;
                    served.fetch_add(usize::from(whole), Ordering::SeqCst);
                }
            });
        }
    });
    assert_eq!(served.into_inner(), ASKED, "{fault:?}");
    assert_eq!(fleet.requests("well").len(), ASKED, "{fault:?}");
    let tries = attempts_at_the_dead(&Request::get("/metrics").send(gateway.address()).text());
    assert!(
        (FAILURES..FAILURES + AT_ONCE).contains(&tries),
        "{fault:?}: the dead one was tried {tries} times"
    );
}

fn attempts_at_the_dead(metrics: &str) -> usize {
    metrics
        .lines()
        .filter(|line| {
            line.starts_with("ferrogate_gen_ai_attempts_total{") && line.contains("\"dead\"")
        })
        .filter_map(|line| line.rsplit_once(' ')?.1.parse::<usize>().ok())
        .sum()
}
