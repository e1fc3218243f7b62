//! One cell of the matrix: a fault at a place in a chain of three, asked for in one way.

use std::fmt::Write as _;

use ferrogate_testkit::{FakeFleet, Fault};

use crate::caller::Caller;
use crate::table::{Broken, End, Estimated, Next, Part, Row, Served, Stop};

/// Where in the chain the fault is. What stands before it answers with 500, what stands behind it is well.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Place {
    First,
    Middle,
    Last,
    Everywhere,
}

const PLACES: [Place; 4] = [Place::First, Place::Middle, Place::Last, Place::Everywhere];

#[derive(Clone, Copy, Debug)]
pub(crate) struct Cell {
    pub(crate) row: Row,
    pub(crate) stream: bool,
    pub(crate) caller: Caller,
    pub(crate) place: Place,
    number: usize,
}

/// What a target of a chain does.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Role {
    /// It answers with 500.
    Down,
    Faulty,
    Well,
}

/// What is expected of a cell.
#[derive(Debug, PartialEq)]
pub(crate) struct Expected {
    pub(crate) outcome: Outcome,
    /// Providers in turn with the word of the trace.
    pub(crate) trace: Vec<(String, &'static str)>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Outcome {
    /// A whole answer by this provider; whether what it used is estimated.
    Answered(String, bool),
    /// A stream of this provider's that breaks.
    BreaksOff(String),
    /// A status and a code.
    Refused(u16, &'static str),
}

/// What comes of a target that is down.
const DOWN: End = Next("500", 502, "upstream_error");

/// Every cell of a part.
pub(crate) fn cells(part: &Part) -> Vec<Cell> {
    let mut cells = Vec::new();
    for row in part.rows {
        for stream in [false, true] {
            if row.end(stream).is_none() {
                continue;
            }
            for caller in [Caller::OpenAi, Caller::Anthropic] {
                for place in PLACES {
                    let number = cells.len();
                    cells.push(Cell {
                        row: *row,
                        stream,
                        caller,
                        place,
                        number,
                    });
                }
            }
        }
    }
    cells
}

impl Row {
    pub(crate) fn end(&self, stream: bool) -> Option<End> {
        if stream { self.stream } else { self.whole }
    }
}

impl Cell {
    /// What callers ask for.
    pub(crate) fn model(&self) -> String {
        format!("m{}", self.number)
    }

    /// The providers in turn, with what each does.
    fn chain(&self) -> [(String, Role); 3] {
        use Role::{Down, Faulty, Well};
        let roles = match self.place {
            Place::First => [Faulty, Well, Well],
            Place::Middle => [Down, Faulty, Well],
            Place::Last => [Down, Down, Faulty],
            Place::Everywhere => [Faulty; 3],
        };
        let mut index = 0;
        roles.map(|role| {
            index += 1;
            (format!("p{}-{index}", self.number), role)
        })
    }

    /// The names of its providers.
    pub(crate) fn providers(&self) -> [String; 3] {
        self.chain().map(|(name, _)| name)
    }

    /// Its providers and its model, for the configuration.
    pub(crate) fn configuration(&self, fleet: &FakeFleet) -> String {
        let mut text = String::new();
        for (name, role) in self.chain() {
            let fault = match role {
                Role::Down => Some(Fault::Status(500)),
                Role::Faulty => Some(self.row.fault),
                Role::Well => None,
            };
            let base_url = fleet.enlist(&name, fault);
            write!(
                text,
                "provider {name} {{
                    kind openai-compatible
                    base_url {base_url}
                    api_key sk-{name}
                    timeout {{
                        connect 1500ms
                        first_byte 1500ms
                        first_token 2500ms
                        idle 1500ms
                        total 5s
                    }}
                    retry {{
                        attempts 1
                    }}
                    circuit_breaker off
                }}\n"
            )
            .expect("a text takes what is written");
        }
        let targets = self.providers().join(" ");
        text + &format!(
            "model {} -> {targets} {{
                input_price_per_1m 1000
                output_price_per_1m 2000
            }}\n",
            self.model()
        )
    }

    /// Whether a request reaches a provider that is asked.
    pub(crate) fn arrives_at(&self, provider: &str) -> bool {
        let never = matches!(
            self.row.fault,
            Fault::Refused
                | Fault::Unresolved
                | Fault::Unreachable
                | Fault::NotTls
                | Fault::Untrusted
        );
        let faulty = |(name, role): &(String, Role)| name == provider && *role == Role::Faulty;
        !(never && self.chain().iter().any(faulty))
    }

    /// What the table says of this cell.
    pub(crate) fn expected(&self) -> Expected {
        let faulty = self.row.end(self.stream).expect("the cell is in the table");
        let mut trace = Vec::new();
        let mut told = None;
        for (name, role) in self.chain() {
            let end = match role {
                Role::Down => DOWN,
                Role::Faulty => faulty,
                Role::Well => Served,
            };
            let (word, outcome) = match end {
                Next(word, status, code) => {
                    // A rate limit is told as one only when nothing else is wrong: then waiting is what helps.
                    if status != 429 || told.is_none() {
                        told = Some(Outcome::Refused(status, code));
                    }
                    trace.push((name, word));
                    continue;
                }
                Stop(word, status, code) => (word, Outcome::Refused(status, code)),
                Served => ("ok", Outcome::Answered(name.clone(), false)),
                Estimated => ("ok", Outcome::Answered(name.clone(), true)),
                Broken => ("ok", Outcome::BreaksOff(name.clone())),
            };
            trace.push((name, word));
            return Expected { outcome, trace };
        }
        Expected {
            outcome: told.expect("every target of the chain failed"),
            trace,
        }
    }
}
