//! Tries, until one is answered.
//!
//! Nothing has gone downstream yet, so everything here may be repeated. [`course`] goes through the targets, [`leg`] is
//! one of them, [`race`] two at once, [`once`] is one try.

mod course;
mod fault;
mod leg;
mod once;
mod outgoing;
mod pictures;
mod prediction;
mod race;
mod sound;
mod vectors;

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use bytes::Bytes;
use ferrogate_auth::Principal;
use ferrogate_catalog::Prices;
use ferrogate_llm::chat::ChatRequest;
use ferrogate_llm::{DecodeError, Dialect, ModelRequest, RelayedStream, ResponsesEcho, Step};
use ferrogate_providers::{Busy, LogicalModel, Pass, Place, Provider, Target};
use ferrogate_types::{ProviderId, UpstreamModel, Usage};
use ferrogate_upstream::Answer;
use http::HeaderValue;

pub(crate) use self::course::{Owed, run};
pub(super) use self::course::{out_of_time, untried};
pub(super) use self::fault::{Again, Fault, FaultKind};
pub(super) use self::once::{NO_LIMIT, refused};
pub(super) use self::outgoing::{host, sign};
use super::asked::Asking;
use super::gateway::ModelGateway;
use super::worst::Worst;
use crate::Shared;

/// What is to be answered, and with what.
pub(crate) struct Job<'a> {
    pub(crate) shared: &'a Shared,
    pub(crate) gateway: &'a ModelGateway,
    pub(crate) principal: &'a Principal,
    /// Where the caller is.
    pub(crate) address: Option<IpAddr>,
    pub(crate) model: &'a LogicalModel,
    pub(crate) request: &'a ModelRequest,
    /// What targets must have a price for, where a budget of money needs to know.
    pub(crate) priced: Option<Worst>,
    /// When the request must be over.
    pub(crate) deadline: Instant,
    /// The deadline is the caller's own, sooner than the gateway's.
    pub(crate) impatient: bool,
    /// The body's media type.
    pub(crate) content_type: HeaderValue,
    /// The request's id, for answers that have none of their own.
    pub(crate) id: String,
    /// A stream of Gemini's is wanted as one JSON array.
    pub(crate) array: bool,
    /// The only provider that may answer, where the caller names one.
    pub(crate) named: Option<String>,
    /// When it was asked: seconds since 1970.
    pub(crate) created: u64,
    /// The request as routing sees it.
    pub(crate) asked: Asking<'a>,
    /// What an answer of the Responses API repeats of its request.
    pub(crate) echo: OnceLock<Option<Box<ResponsesEcho>>>,
}

impl Stream {
    /// The stream came to its end: nothing is left to be called off.
    pub(crate) fn finished(&mut self) {
        if let Some(prediction) = &mut self.prediction {
            prediction.finished();
        }
    }
}

impl<'a> Job<'a> {
    /// The conversation, apart from its dialect.
    fn chat(&self) -> Result<&ChatRequest<'a>, &DecodeError> {
        self.asked.chat(self.request)
    }
}

impl Job<'_> {
    /// What the answer repeats of the request, where the caller's dialect has that.
    fn echo(&self) -> Option<&ResponsesEcho> {
        let repeats = self.request.surface().dialect() == Dialect::OpenAiResponses;
        let made = || {
            let echo = repeats.then(|| ResponsesEcho::of(self.request.body()).ok())?;
            echo.map(Box::new)
        };
        self.echo.get_or_init(made).as_deref()
    }

    /// Whether what happens now happens because the caller gave it no more time: that says nothing about a provider,
    /// and a caller could open everybody's circuit with it.
    pub(crate) fn callers_time_is_over(&self) -> bool {
        self.impatient && Instant::now() >= self.deadline
    }
}

/// An answer that can be relayed.
pub(crate) struct Won {
    pub(crate) provider: ProviderId,
    pub(crate) upstream_model: UpstreamModel,
    pub(crate) prices: Arc<Prices>,
    /// What of the request the target had no place for.
    pub(crate) lossy: Vec<String>,
    pub(crate) reply: Answered,
    /// From the try's begin to the first event of a stream.
    pub(crate) first_token: Option<Duration>,
    /// Its target's name in logs and metrics.
    pub(crate) label: Option<String>,
    /// What it occupies as long as it lasts.
    pub(crate) occupied: Option<Occupied>,
}

/// What a call takes up at its target until it is over.
pub(crate) struct Occupied {
    _busy: Busy,
    _place: Place,
}

impl Occupied {
    /// Takes a place at a target, or waits for one; `None` when there is none in time.
    ///
    /// # Cancel safety
    ///
    /// A caller that leaves leaves the queue as well.
    pub(crate) async fn enter(target: &Target, deadline: Instant) -> Option<Self> {
        let place = target.provider.enter(deadline).await.ok()?;
        Some(Self {
            _busy: target.begin(),
            _place: place,
        })
    }
}

/// The answer itself.
pub(crate) enum Answered {
    /// A whole body.
    Whole {
        body: Bytes,
        usage: Option<Usage>,
        content_type: Option<HeaderValue>,
    },
    Stream(Box<Stream>),
}

/// A stream whose first content has arrived.
pub(crate) struct Stream {
    pub(crate) relayed: RelayedStream,
    /// What led to the first content.
    pub(crate) held: VecDeque<Step>,
    pub(crate) source: Source,
    /// Bytes sent to the caller.
    pub(crate) sent: usize,
    /// How many they were when what is owed for them was noted.
    pub(crate) noted: usize,
    /// Where the try is judged when the stream has ended; dropped, it judges nothing.
    pub(crate) pass: Option<Pass>,
    /// What has to be called off when nobody listens any more.
    prediction: Option<prediction::Running>,
    /// Who sends it, whose credentials its errors must not tell; the built-in provider has none.
    pub(crate) provider: Option<Arc<Provider>>,
}

/// Where more of a stream comes from.
pub(crate) enum Source {
    /// A provider.
    Upstream(Box<Answer>),
    /// The built-in provider: everything has been pushed.
    Complete,
}

/// The result of a try in metrics.
pub(super) const SUCCESS: &str = "success";
