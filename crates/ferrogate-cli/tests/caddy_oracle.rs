//! The gateway against `caddy`, where that is installed: the same files, the same requests, the same answers.
//!
//! `caddy_oracle/case.rs` tells how a case is written. Answers that differ are marked in the case, recorded beside it
//! in `NAME.differences` and explained in `docs/caddy-differences.md`; a record that is not true any more, an
//! explanation nobody needs and a mark without an explanation fail as well. `ORACLE_RECORD=1` writes the records,
//! `ORACLE_CASE=part` runs the cases with that in their names.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use ferrogate_testkit::{ClosedPort, Launch};

#[path = "caddy_oracle/case.rs"]
mod case;
#[path = "caddy_oracle/exchange.rs"]
mod exchange;
#[path = "caddy_oracle/files.rs"]
mod files;
#[path = "caddy_oracle/program.rs"]
mod program;
#[path = "caddy_oracle/upstream.rs"]
mod upstream;
#[path = "caddy_oracle/wire.rs"]
mod wire;

use case::{Case, Expected};
use files::Files;
use program::{BIN, Caddy, Places};
use upstream::Upstream;

/// How many cases run at a time; most of their time goes into starting programs.
const WORKERS: usize = 4;

/// How much the page promises to compare.
const PROMISED: (usize, usize) = (80, 300);

/// Variables that both programs have in every case.
const ENVIRONMENT: &[(&str, &str)] = &[
    ("WORD", "word"),
    ("EMPTY", ""),
    ("WORDS", "two words"),
    ("LINE", "respond /line \"from a variable\""),
];

/// What all cases share.
struct Stage {
    files: Files,
    upstreams: [Upstream; 2],
    dead: ClosedPort,
}

/// What came of one case.
#[derive(Default)]
struct Outcome {
    pairs: usize,
    /// What must not be.
    complaints: Vec<String>,
    /// Names of intended differences that were met.
    met: Vec<String>,
    /// Differences that are to be mended.
    open: Vec<String>,
}

impl Stage {
    fn set() -> Self {
        Self {
            files: Files::lay_out(),
            upstreams: ["a", "b"].map(Upstream::start),
            dead: ClosedPort::hold(),
        }
    }

    /// The variables of a case.
    fn environment(&self, places: Places) -> Vec<(String, String)> {
        let mut all: Vec<(String, String)> = ENVIRONMENT
            .iter()
            .map(|&(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        all.extend(self.names());
        all.push(("PORT".to_owned(), places.port.to_string()));
        all.push(("OTHER_PORT".to_owned(), places.other_port.to_string()));
        all
    }

    /// Variables whose values change from run to run.
    fn names(&self) -> [(String, String); 4] {
        [
            ("UP_A", self.upstreams[0].address().to_string()),
            ("UP_B", self.upstreams[1].address().to_string()),
            ("DEAD", self.dead.address().to_string()),
            ("WWW", self.files.root().display().to_string()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
    }

    /// Runs a case through both programs.
    fn compare(&self, number: usize, case: &Case) -> Outcome {
        let places = Places::of(number);
        let environment = self.environment(places);
        let caddy = Caddy::start(&case.with_options(&places.caddy.to_string()), &environment);
        let ours = program::ferrogate(&case.with_options(&places.ours.to_string()), &environment);
        let mut outcome = Outcome::default();
        let mut record = Vec::new();
        for asked in &case.requests {
            let theirs = self.steady(exchange::ask(places.caddy(), &asked.request), places);
            let mine = self.steady(exchange::ask(places.ours(), &asked.request), places);
            outcome.pairs += 1;
            let difference = difference(&theirs, &mine);
            let about = format!("{}: {}", case.name, asked.line);
            match (&asked.expected, difference.is_empty()) {
                (Expected::Same, true) => {}
                (Expected::Same, false) => {
                    outcome.complaints.push(format!("{about}\n{difference}"));
                }
                (Expected::Different(name), false) => {
                    outcome.met.push(name.clone());
                    record.push(format!("{}\n[{name}]\n{difference}\n", asked.line));
                }
                (Expected::Different(name), true) => {
                    outcome
                        .complaints
                        .push(format!("{about}\n    agrees, in spite of `{name}`\n"));
                }
                (Expected::Wrong(name), false) => {
                    outcome.open.push(format!("{name}: {about}\n{difference}"));
                }
                (Expected::Wrong(name), true) => {
                    outcome
                        .complaints
                        .push(format!("{about}\n    agrees, `{name}` is mended\n"));
                }
            }
        }
        drop((caddy, ours));
        outcome
            .complaints
            .extend(check_record(case, &without_digests(&record.concat())));
        outcome
    }

    /// An answer without what changes from run to run.
    fn steady(&self, lines: Vec<String>, places: Places) -> Vec<String> {
        let mut changing: Vec<(String, String)> = self.names().into();
        for (name, place) in [("SELF", places.caddy()), ("SELF", places.ours())] {
            changing.push((name.to_owned(), place.to_string()));
            changing.push((name.to_owned(), place.ip().to_string()));
        }
        changing.push(("PORT".to_owned(), places.port.to_string()));
        changing.push(("OTHER_PORT".to_owned(), places.other_port.to_string()));
        lines
            .into_iter()
            .map(|line| {
                changing
                    .iter()
                    .fold(line, |line, (name, value)| line.replace(value, name))
            })
            .collect()
    }
}

#[test]
fn answers_are_the_same() {
    if !program::has_caddy() {
        assert_ne!(
            std::env::var("CI").as_deref(),
            Ok("true"),
            "caddy is not installed"
        );
        say("skipped: caddy is not installed");
        return;
    }
    let wanted = std::env::var("ORACLE_CASE").unwrap_or_default();
    let mut cases = case::all();
    cases.retain(|case| case.name.contains(&wanted));
    let outcomes = run(&cases);
    let pairs: usize = outcomes.iter().map(|outcome| outcome.pairs).sum();
    let open: Vec<&String> = outcomes.iter().flat_map(|outcome| &outcome.open).collect();
    say(&format!(
        "{pairs} requests over {} files compared with caddy, {} differences to be mended",
        cases.len(),
        open.len()
    ));
    for line in open {
        say(&format!("to be mended: {line}"));
    }
    let mut complaints: Vec<String> = Vec::new();
    let mut met = BTreeSet::new();
    for outcome in outcomes {
        complaints.extend(outcome.complaints);
        met.extend(outcome.met);
    }
    if wanted.is_empty() {
        complaints.extend(check_page(&met));
        if cases.len() < PROMISED.0 || pairs < PROMISED.1 {
            complaints.push("that is less than promised".to_owned());
        }
    }
    assert!(
        complaints.is_empty(),
        "{} complaints:\n\n{}",
        complaints.len(),
        complaints.join("\n")
    );
}

#[test]
fn files_are_accepted() {
    let stage = Stage::set();
    let environment = stage.environment(Places::of(0));
    for case in case::all() {
        for arguments in [
            &["validate", "-c", "Caddyfile"][..],
            &["adapt", "-c", "Caddyfile"],
        ] {
            let launch = Launch::caddyfile(BIN, &case.with_options("127.0.0.1"));
            let launch = environment
                .iter()
                .fold(launch, |launch, (name, value)| launch.env(name, value));
            let finished = launch.command(arguments);
            assert_eq!(
                finished.code,
                Some(0),
                "{} of {}:\n{}{}",
                arguments[0],
                case.name,
                finished.stdout,
                finished.stderr
            );
        }
    }
}

/// Writes past the harness, which shows what a test prints only when it fails.
fn say(text: &str) {
    // The summary is no reason to fail.
    let _written = writeln!(std::io::stderr(), "\n{text}").is_ok();
}

/// Runs the cases, several at a time.
fn run(cases: &[Case]) -> Vec<Outcome> {
    let stage = Stage::set();
    let next = AtomicUsize::new(0);
    let work = || {
        let mut outcomes = Vec::new();
        while let Some((number, case)) = {
            let number = next.fetch_add(1, Ordering::Relaxed);
            cases.get(number).map(|case| (number, case))
        } {
            let run = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                stage.compare(number, case)
            }));
            outcomes.push(run.unwrap_or_else(|_| Outcome {
                complaints: vec![format!("{}: it does not run; see above\n", case.name)],
                ..Outcome::default()
            }));
        }
        outcomes
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..WORKERS).map(|_| scope.spawn(work)).collect();
        workers
            .into_iter()
            .flat_map(|worker| worker.join().expect("a worker catches its panics"))
            .collect()
    })
}

/// The lines that only one of them has; empty when there is none.
fn difference(theirs: &[String], ours: &[String]) -> String {
    if theirs == ours {
        return String::new();
    }
    let only = |name: &str, lines: &[String], others: &[String]| -> Vec<String> {
        lines
            .iter()
            .filter(|line| !others.contains(line))
            .map(|line| format!("    {name} {line}\n"))
            .collect()
    };
    let text = [only("caddy", theirs, ours), only("ours ", ours, theirs)]
        .concat()
        .concat();
    if text.is_empty() {
        format!("    caddy {theirs:?}\n    ours  {ours:?}\n")
    } else {
        text
    }
}

/// A text without the digests in it, which depend on the ports of this run.
fn without_digests(text: &str) -> String {
    text.split_inclusive(|character: char| !character.is_ascii_hexdigit())
        .map(|part| match part.char_indices().nth(64) {
            Some((end, _)) => format!("DIGEST{}", part.get(end..).unwrap_or_default()),
            None => part.to_owned(),
        })
        .collect()
}

/// Compares the differences with those recorded, or records them.
fn check_record(case: &Case, record: &str) -> Option<String> {
    let path = case.record();
    let recorded = fs::read_to_string(&path).unwrap_or_default();
    if recorded == record {
        return None;
    }
    if std::env::var_os("ORACLE_RECORD").is_some() {
        if record.is_empty() {
            fs::remove_file(&path).expect("the record can be taken away");
        } else {
            fs::write(&path, record).expect("the record can be written");
        }
        return None;
    }
    Some(format!(
        "{}: the differences recorded are\n{recorded}\nand those met\n{record}",
        case.name
    ))
}

/// Compares the names of differences with the headings of the page that explains them.
fn check_page(met: &BTreeSet<String>) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/caddy-differences.md");
    let page =
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let explained: BTreeSet<String> = page
        .lines()
        .filter_map(|line| line.strip_prefix("### `")?.split('`').next())
        .map(str::to_owned)
        .collect();
    let unexplained = met
        .difference(&explained)
        .map(|name| format!("`{name}` is not on the page"));
    let unmet = explained
        .difference(met)
        .map(|name| format!("`{name}` of the page was not met"));
    unexplained.chain(unmet).collect()
}
