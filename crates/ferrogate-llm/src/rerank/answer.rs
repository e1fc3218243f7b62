//! Which documents fit best.

use std::borrow::Cow;

use ferrogate_types::{Units, Usage};
use serde_json::value::RawValue;

use super::RerankRequest;
use crate::UpstreamFault;
use crate::json::{self, Object, Writer};

/// An answer of any dialect.
#[derive(Clone, Debug)]
pub struct RerankAnswer<'a> {
    /// The vendor's id; empty where it gives none.
    pub id: Cow<'a, str>,
    /// Documents, best first.
    pub results: Vec<Ranked>,
    /// What it used, where the provider tells.
    pub usage: Option<Usage>,
}

/// A document's rank.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ranked {
    /// Its place in the request.
    pub index: usize,
    /// How well it fits; with most models from 0 to 1.
    pub score: f64,
}

/// Reads a provider's answer, whatever its dialect: they differ in names that exclude one another. An error in a
/// 200 body is a fault.
pub fn read_answer(body: &[u8]) -> Result<RerankAnswer<'_>, UpstreamFault> {
    if let Some(fault) = UpstreamFault::in_answer(body) {
        return Err(fault);
    }
    read(body).ok_or_else(|| UpstreamFault::because("the answer holds no ranking"))
}

fn read(body: &[u8]) -> Option<RerankAnswer<'_>> {
    // Text Embeddings Inference answers with the bare list.
    if let Ok(list) = serde_json::from_slice::<Vec<&RawValue>>(body) {
        return Some(RerankAnswer {
            id: Cow::Borrowed(""),
            results: ranking(list)?,
            usage: None,
        });
    }
    let mut object = Object::parse(body).ok()?;
    // Cloudflare wraps whatever it answers.
    if let Ok(Some(inner)) = object.object("result") {
        object = inner;
    }
    let list = ["results", "data", "rankings", "response"]
        .into_iter()
        .find_map(|name| object.take(name));
    let results = match list {
        Some(list) => ranking(json::array(list)?)?,
        None => scored(&object.array("scores").ok()??)?,
    };
    Some(RerankAnswer {
        results,
        usage: usage(&mut object),
        id: object.text("id").ok().flatten().unwrap_or_default(),
    })
}

fn ranking(list: Vec<&RawValue>) -> Option<Vec<Ranked>> {
    let ranked = list.into_iter().map(|raw| {
        let mut item = Object::of(raw)?;
        let index = match item.unsigned("index").ok()? {
            Some(index) => index,
            None => item.unsigned("id").ok()??,
        };
        let index = usize::try_from(index).ok()?;
        let mut score = |name| item.number(name).ok().flatten();
        let score = score("relevance_score")
            .or_else(|| score("score"))
            .or_else(|| score("logit").map(|logit| 1.0 / (1.0 + (-logit).exp())))?;
        Some(Ranked { index, score })
    });
    ranked.collect::<Option<_>>().map(best_first)
}

/// Scores in the order of the documents. Source: DeepInfra's rerankers.
fn scored(list: &[&RawValue]) -> Option<Vec<Ranked>> {
    let ranked = list.iter().enumerate().map(|(index, raw)| {
        let score = json::number(raw)?;
        Some(Ranked { index, score })
    });
    ranked.collect::<Option<_>>().map(best_first)
}

fn best_first(mut ranked: Vec<Ranked>) -> Vec<Ranked> {
    ranked.sort_by(|one, other| other.score.total_cmp(&one.score));
    ranked
}

/// Cohere counts searches, the others tokens.
fn usage(object: &mut Object<'_>) -> Option<Usage> {
    let mut found = None;
    if let Ok(Some(mut meta)) = object.object("meta")
        && let Ok(Some(mut billed)) = meta.object("billed_units")
        && let Ok(Some(search_units)) = billed.unsigned("search_units")
    {
        found = Some(Usage {
            units: Units {
                search_units,
                ..Units::default()
            },
            ..Usage::default()
        });
    }
    let mut tokens = object.object("usage").ok().flatten().unwrap_or_default();
    let mut count = |name| tokens.unsigned(name).ok().flatten();
    let input = count("prompt_tokens")
        .or_else(|| count("total_tokens"))
        .or_else(|| object.unsigned("input_tokens").ok().flatten());
    if let Some(input) = input {
        found.get_or_insert_default().input = input;
    }
    found
}

/// Writes an answer for a caller: the best of it, with the documents if they were asked for. `id` is used where the
/// provider gives none.
pub fn write_answer(answer: &RerankAnswer<'_>, request: &RerankRequest<'_>, id: &str) -> Vec<u8> {
    let most = request
        .top_n
        .and_then(|most| usize::try_from(most).ok())
        .unwrap_or(usize::MAX);
    let mut w = Writer::with_capacity(1024);
    let id = if answer.id.is_empty() { id } else { &answer.id };
    w.open().text("id", id).text("model", &request.model);
    w.key("results").open_list();
    // A place that the request does not have is nonsense of the provider's.
    let known = answer
        .results
        .iter()
        .filter_map(|ranked| Some((ranked, request.documents.get(ranked.index)?)));
    for (ranked, document) in known.take(most) {
        w.open().member("index", &ranked.index);
        w.member("relevance_score", &ranked.score);
        if request.return_documents {
            w.key("document");
            match document.object {
                Some(raw) => {
                    w.raw(raw);
                }
                None => {
                    w.open().text_if("text", document.text.as_deref()).close();
                }
            }
        }
        w.close();
    }
    w.close_list().key("meta").open();
    w.key("api_version").open().text("version", "2").close();
    if let Some(usage) = &answer.usage {
        if usage.units.search_units > 0 {
            w.key("billed_units").open();
            w.member("search_units", &usage.units.search_units).close();
        }
        if usage.input > 0 {
            w.key("tokens").open();
            w.member("input_tokens", &usage.input).close();
        }
    }
    w.close().close();
    w.into_bytes()
}
