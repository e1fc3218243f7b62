//! What one target is sent, and how its answer comes back.

use bytes::Bytes;
use ferrogate_credentials::OutgoingRequest;
use ferrogate_llm::chat::may_hold_marks;
use ferrogate_llm::{
    Address, Caller, Dialect, EmbeddingDialect, Emulation, HearingDialect, ImageDialect, Lossy,
    ModelRequest, Operation, Quirk, RelayedStream, RerankDialect, SpeechDialect, StreamWatch,
    Surface, TargetProfile, Untranslatable, count,
};
use ferrogate_providers::{AuthScheme, Lent, PlannedTarget, ProviderSpec};
use ferrogate_types::ProviderId;
use ferrogate_upstream::Endpoint;
use http::header::{ACCEPT, CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Method};

use super::Job;
use super::fault::{Fault, FaultKind};
use crate::Shared;
use crate::ai::gateway::{ModelGateway, OnUnsupported};

/// The largest event of a stream in bytes: an image in base64 fits.
pub(super) const MAX_EVENT: usize = 32 << 20;

/// What one target is sent.
pub(super) struct Outgoing {
    /// Below the API root.
    pub(super) path: String,
    /// The end of the API root that the path is beside, not below.
    pub(super) outside: Option<&'static str>,
    pub(super) body: Bytes,
    pub(super) back: Back,
    /// What the target has no place for.
    pub(super) lossy: Vec<String>,
    /// What was said by other means, to be undone in the answer.
    pub(super) emulation: Emulation,
}

/// A request in another dialect.
struct Translated {
    body: Bytes,
    lossy: Vec<String>,
    emulation: Emulation,
}

/// How an answer comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Back {
    /// As it came: a conversation in the caller's own dialect.
    Same(Dialect),
    /// As it came: anything else.
    Opaque,
    /// From the provider's dialect to the caller's.
    Translated { from: Dialect, to: Dialect },
    /// Embeddings in another dialect, or in several calls: what is asked, what is served.
    Vectors {
        from: EmbeddingDialect,
        to: EmbeddingDialect,
    },
    /// A ranking in another dialect.
    Ranked(RerankDialect),
    /// Pictures from a provider of another dialect, maybe in several calls.
    Pictures(ImageDialect),
    /// Speech from a provider of another dialect.
    Spoken(SpeechDialect),
    /// A recording, written down by a provider of another dialect.
    Heard(HearingDialect),
    /// A count of tokens, from the provider's dialect to the caller's.
    Counted { from: Dialect, to: Dialect },
}

/// Kinds that take OpenAI's embeddings as OpenAI does, base64 included.
const OF_OPENAI: [&str; 4] = [
    "openai",
    "azure-openai",
    "azure-foundry",
    "openai-compatible",
];

impl Outgoing {
    /// Writes the request for a target: the bytes that came with the model spliced where the dialects are the same,
    /// else a translation.
    pub(super) fn new(job: &Job<'_>, planned: &PlannedTarget) -> Result<Self, Fault> {
        let spec = planned.target.provider.spec();
        let asked = job.request.surface().operation();
        let model = planned.target.model.as_str();
        let wire = spec
            .wire(asked, model, job.request.stream())
            .ok_or_else(|| Fault::new(FaultKind::NotServed))?;
        let quirks = spec.quirks_for(wire.operation);
        let name = spec.model_name(model);
        let as_it_came = || Translated {
            body: job.request.rewrite(name),
            lossy: Vec::new(),
            emulation: Emulation::default(),
        };
        let (written, back) = match (asked, wire.operation) {
            (Operation::Chat(from), Operation::Chat(to)) => {
                let plain = quirks.iter().all(|quirk| !quirk.is_of_requests())
                    && !may_hold_marks(job.request.body());
                let written = if from == to && plain {
                    as_it_came()
                } else {
                    translated(job, planned, to, name, quirks)?
                };
                let faithful = !job.array && quirks.iter().all(|quirk| !quirk.is_of_answers());
                let back = if from == to && faithful {
                    Back::Same(to)
                } else {
                    Back::Translated { from: to, to: from }
                };
                (written, back)
            }
            (Operation::Completions, Operation::Chat(to)) => {
                let written = translated(job, planned, to, name, quirks)?;
                let back = Back::Translated {
                    from: to,
                    to: Dialect::OpenAiText,
                };
                (written, back)
            }
            (Operation::CountTokens(from), Operation::CountTokens(to)) if from != to => {
                let written = counted(job, planned, (from, to), name)?;
                (written, Back::Counted { from: to, to: from })
            }
            (Operation::Embeddings(from), Operation::Embeddings(to)) => {
                // Others than OpenAI's own and what is written to be like it take no base64, which SDKs ask for.
                let faithful = OF_OPENAI.contains(&spec.kind.row().key);
                let back = if from == to && (faithful || from != EmbeddingDialect::OpenAi) {
                    Back::Opaque
                } else {
                    Back::Vectors { from, to }
                };
                (as_it_came(), back)
            }
            (Operation::Rerank(_), Operation::Rerank(to)) => {
                // Documents as objects, and their return, are not everybody's.
                let plain = memchr::memmem::find(job.request.body(), b"return_documents").is_none()
                    && to == RerankDialect::Cohere;
                let back = if plain {
                    Back::Opaque
                } else {
                    Back::Ranked(to)
                };
                (as_it_came(), back)
            }
            (Operation::Images(from), Operation::Images(to))
            | (Operation::ImageEdits(from), Operation::ImageEdits(to))
            | (Operation::ImageVariations(from), Operation::ImageVariations(to))
                if from != to =>
            {
                (as_it_came(), Back::Pictures(to))
            }
            (Operation::Speech(from), Operation::Speech(to)) if from != to => {
                (as_it_came(), Back::Spoken(to))
            }
            (Operation::Transcriptions(from), Operation::Transcriptions(to))
            | (Operation::Translations(from), Operation::Translations(to))
                if from != to =>
            {
                (as_it_came(), Back::Heard(to))
            }
            (asked, served) if asked == served => (as_it_came(), Back::Opaque),
            _ => return Err(Fault::new(FaultKind::NotServed)),
        };
        Ok(Self {
            path: wire.path,
            outside: wire.outside,
            body: written.body,
            back,
            lossy: written.lossy,
            emulation: written.emulation,
        })
    }

    /// The same with another body.
    pub(super) fn with_body(&self, body: Bytes) -> Self {
        Self {
            path: self.path.clone(),
            outside: self.outside,
            body,
            back: self.back,
            lossy: Vec::new(),
            emulation: Emulation::default(),
        }
    }

    /// Notes what the target has no place for; an error where that is refused.
    pub(super) fn keep(
        &mut self,
        job: &Job<'_>,
        planned: &PlannedTarget,
        lossy: &Lossy,
    ) -> Result<(), Fault> {
        self.lossy = lost(job, planned, lossy)?;
        Ok(())
    }

    /// The path with its query, from the host on.
    pub(super) fn target(&self, endpoint: &Endpoint) -> String {
        match self.outside {
            Some(end) => endpoint.path_outside(end, &self.path),
            None => endpoint.path(&self.path),
        }
    }

    /// The headers of the request, its credential included.
    pub(super) async fn headers(
        &self,
        job: &Job<'_>,
        endpoint: &Endpoint,
        spec: &ProviderSpec,
        credential: Option<&Lent<'_>>,
        forwarded: &HeaderMap,
    ) -> Result<HeaderMap, Fault> {
        let mut headers = HeaderMap::with_capacity(12);
        let target = self.dialect();
        for (name, value) in forwarded {
            let anthropic = name.as_str().starts_with("anthropic-");
            if !anthropic || target == Some(Dialect::Anthropic) {
                headers.append(name.clone(), value.clone());
            }
        }
        if target == Some(Dialect::Anthropic) && !headers.contains_key(ANTHROPIC_VERSION) {
            // The version that still takes sampling parameters. Source: Anthropic's API reference, "Versions".
            headers.insert(ANTHROPIC_VERSION, HeaderValue::from_static("2023-06-01"));
        }
        let predicted = target == Some(Dialect::Replicate) && !job.request.stream();
        if predicted || self.back == Back::Pictures(ImageDialect::Replicate) {
            // Held for up to a minute, which saves asking again. Source: Replicate's HTTP API, "Sync mode".
            headers.insert(PREFER, HeaderValue::from_static("wait"));
        }
        let content_type = match self.back {
            // Whatever the caller sent, a form perhaps, this is written as JSON.
            Back::Pictures(_) | Back::Heard(_) => HeaderValue::from_static("application/json"),
            _ => job.content_type.clone(),
        };
        headers.insert(CONTENT_TYPE, content_type);
        headers.insert(
            ACCEPT,
            HeaderValue::from_static(self.accepts(job.request.stream())),
        );
        headers.insert(
            USER_AGENT,
            HeaderValue::from_static(concat!("ferrogate/", env!("CARGO_PKG_VERSION"))),
        );
        spec.dress(&mut headers, credential.map(Lent::secret));
        if credential.is_none() {
            let mut request = OutgoingRequest {
                method: &Method::POST,
                host: host(endpoint),
                path_and_query: &self.target(endpoint),
                headers: &mut headers,
                body: &self.body,
            };
            sign(job.shared, job.gateway, &spec.id, &mut request).await?;
        }
        Ok(headers)
    }

    /// The headers of another request about the same, to the same provider.
    pub(super) async fn headers_for(
        &self,
        job: &Job<'_>,
        planned: &PlannedTarget,
        forwarded: &HeaderMap,
    ) -> Result<HeaderMap, Fault> {
        let provider = &planned.target.provider;
        let endpoint = job
            .gateway
            .endpoints
            .get(provider.id())
            .ok_or_else(|| Fault::new(FaultKind::Unreachable))?;
        let credential = provider.credentials().lend(std::time::Instant::now());
        self.headers(
            job,
            endpoint,
            provider.spec(),
            credential.as_ref(),
            forwarded,
        )
        .await
    }

    fn dialect(&self) -> Option<Dialect> {
        match self.back {
            Back::Same(dialect)
            | Back::Translated { from: dialect, .. }
            | Back::Counted { from: dialect, .. } => Some(dialect),
            Back::Opaque
            | Back::Vectors { .. }
            | Back::Ranked(_)
            | Back::Pictures(_)
            | Back::Spoken(_)
            | Back::Heard(_) => None,
        }
    }

    fn accepts(&self, stream: bool) -> &'static str {
        match (self.dialect(), stream) {
            // A prediction's output streams elsewhere.
            (Some(Dialect::Replicate), true) | (Some(_), false) => "application/json",
            (Some(dialect), true) => dialect.protocol().framing().media_type(),
            (None, true) => "text/event-stream",
            // Speech and pictures are no JSON.
            (None, false) => "*/*",
        }
    }

    /// The media type a stream must have.
    pub(super) fn stream_type(&self) -> &'static str {
        self.dialect().map_or("text/event-stream", |dialect| {
            dialect.protocol().framing().media_type()
        })
    }

    /// The way of a stream back to the caller.
    pub(super) fn stream(&self, job: &Job<'_>) -> RelayedStream {
        match self.back {
            Back::Same(Dialect::OpenAiChat)
            | Back::Opaque
            | Back::Vectors { .. }
            | Back::Ranked(_)
            | Back::Pictures(_)
            | Back::Spoken(_)
            | Back::Heard(_)
            | Back::Counted { .. } => {
                let watch = StreamWatch::new(job.request.surface(), !job.request.usage_asked())
                    .expecting(job.request.choices());
                RelayedStream::watching(watch, job.request.model(), MAX_EVENT)
            }
            Back::Same(dialect) => RelayedStream::passing(dialect, job.request.model(), MAX_EVENT),
            Back::Translated { from, to } => {
                RelayedStream::translating(from, to, &job.caller(), MAX_EVENT)
                    .undoing(&self.emulation)
            }
        }
    }
}

const PREFER: HeaderName = HeaderName::from_static("prefer");
/// The host of an endpoint as requests name it, with the port where that is not the scheme's own.
pub(in crate::ai) fn host(endpoint: &Endpoint) -> &str {
    endpoint
        .origin()
        .split_once("://")
        .map_or("", |(_, host)| host)
}

/// Puts a cloud's signature or token on a request, where the provider is one and has no key.
pub(in crate::ai) async fn sign(
    shared: &Shared,
    gateway: &ModelGateway,
    provider: &ProviderId,
    request: &mut OutgoingRequest<'_>,
) -> Result<(), Fault> {
    let Some(cloud) = gateway.clouds.get(provider) else {
        return Ok(());
    };
    cloud
        .authorize(&shared.client, request)
        .await
        .map_err(|error| {
            tracing::warn!(%provider, error = &error as &dyn std::error::Error, "no credential");
            Fault::new(FaultKind::NoCredential)
        })
}

const ANTHROPIC_VERSION: HeaderName = HeaderName::from_static("anthropic-version");

/// The request in another dialect, or in the same for a provider that departs from it.
fn translated(
    job: &Job<'_>,
    planned: &PlannedTarget,
    to: Dialect,
    name: &str,
    quirks: &'static [Quirk],
) -> Result<Translated, Fault> {
    let chat = job.chat().map_err(Fault::decode)?;
    let target = TargetProfile {
        model: name,
        traits: &planned.target.traits,
        quirks,
    };
    let mut lossy = Lossy::new(chat.dialect);
    let untranslatable = |error: Untranslatable| Fault::untranslatable(error.param, error.message);
    chat.check_portable(to).map_err(untranslatable)?;
    let chat = chat.for_models_of(to, &mut lossy);
    let body = to
        .protocol()
        .write_request(&chat, &target, &mut lossy)
        .map_err(untranslatable)?;
    let lost = lost(job, planned, &lossy)?;
    Ok(Translated {
        body: body.into(),
        lossy: lost,
        emulation: to.protocol().emulation(&chat, &target),
    })
}

/// A request for a count in another dialect. What it has no place for concerns answers, and is not told.
fn counted(
    job: &Job<'_>,
    planned: &PlannedTarget,
    (from, to): (Dialect, Dialect),
    name: &str,
) -> Result<Translated, Fault> {
    let address = Address {
        model: Some(job.request.model().into()),
        stream: false,
    };
    let chat = count::read_request(from, job.request.body(), address)
        .map_err(|error| Fault::decode(&error))?;
    let target = TargetProfile {
        model: name,
        traits: &planned.target.traits,
        quirks: &[],
    };
    let wrapped = planned.target.provider.spec().kind.row().auth != AuthScheme::Google;
    let body = count::write_request(to, &chat, &target, wrapped, &mut Lossy::new(from))
        .map_err(|error| Fault::untranslatable(error.param, error.message))?;
    Ok(Translated {
        body: body.into(),
        lossy: Vec::new(),
        emulation: Emulation::default(),
    })
}

/// What the target has no place for; an error where that is refused.
fn lost(job: &Job<'_>, planned: &PlannedTarget, lossy: &Lossy) -> Result<Vec<String>, Fault> {
    let lost: Vec<String> = lossy.fields().map(str::to_owned).collect();
    match lost.first() {
        Some(first) if job.gateway.on_unsupported == OnUnsupported::Reject => {
            Err(Fault::untranslatable(
                first.clone(),
                format!(
                    "`{}` cannot be sent to provider `{}`, which has no place for it",
                    lost.join("`, `"),
                    planned.target.provider.id()
                ),
            ))
        }
        _ => Ok(lost),
    }
}

/// A conversation in OpenAI's dialect, for the built-in provider, which speaks no other.
pub(super) fn for_echo(job: &Job<'_>, planned: &PlannedTarget) -> Result<ModelRequest, Fault> {
    let written = translated(
        job,
        planned,
        Dialect::OpenAiChat,
        planned.target.model.as_str(),
        &[],
    )?;
    ModelRequest::decode(Surface::CHAT, None, written.body).map_err(|error| Fault::decode(&error))
}

/// What must be known of the request to answer it.
impl Job<'_> {
    pub(crate) fn caller(&self) -> Caller<'_> {
        Caller {
            model: self.request.model(),
            usage_asked: self.request.usage_asked(),
            created: self.created,
            id: &self.id,
            input_estimate: ferrogate_llm::estimate_tokens(self.request.body().len()),
            array: self.array,
            echo: self.echo(),
        }
    }
}
