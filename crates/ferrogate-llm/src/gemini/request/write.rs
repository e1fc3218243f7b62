//! A request for a provider.

use super::{settings, tools, write_contents};
use crate::chat::ChatRequest;
use crate::gemini::name;
use crate::json::Writer;
use crate::lossy::Field;
use crate::protocol::{TargetProfile, Untranslatable};
use crate::{Dialect, Lossy, sound};

/// Members of OpenAI's requests that are written in another place.
const ELSEWHERE: &str = "web_search_options";

pub(in crate::gemini) fn write(
    request: &ChatRequest<'_>,
    target: &TargetProfile<'_>,
    lossy: &mut Lossy,
) -> Result<Vec<u8>, Untranslatable> {
    let own = request.dialect == Dialect::Gemini;
    let mut w = Writer::with_capacity(request.room());
    w.open();
    write_contents::write(request, target, &mut w, lossy)?;
    tools::write(request, target, &mut w, lossy);
    settings::write(request, target, &mut w, lossy);
    tier(request, &mut w, lossy);
    lossy.lose_if(Field::Verbosity, request.verbosity.as_ref());
    lossy.lose_if(Field::User, request.user.as_ref());
    if own {
        w.raw_if("labels", request.metadata.as_deref());
        name::rest(&request.extra, &mut w);
    } else {
        // Only Vertex AI has labels, and it allows small letters in them, no others.
        lossy.lose_if(Field::Metadata, request.metadata.as_ref());
        let mut rest = request.extra.clone();
        rest.take(ELSEWHERE);
        if sound::Wanted::of(request).is_some() {
            rest.take("modalities");
            rest.take("audio");
        }
        lossy.lose_members("", &rest);
    }
    w.close();
    Ok(w.into_bytes())
}

/// Source: the Gemini API's reference, `ServiceTier`.
fn tier(request: &ChatRequest<'_>, w: &mut Writer, lossy: &mut Lossy) {
    match request.service_tier.as_deref() {
        None => {}
        Some("auto") if request.dialect != Dialect::Gemini => {}
        Some("default") => {
            w.text("serviceTier", "standard");
        }
        Some(tier @ ("flex" | "priority")) => {
            w.text("serviceTier", tier);
        }
        Some(tier) if request.dialect == Dialect::Gemini => {
            w.text("serviceTier", tier);
        }
        Some(_) => lossy.lose(Field::ServiceTier),
    }
}
