//! Hugging Face's task "Text to Image".
//!
//! Source: Hugging Face's documentation of Inference Providers, "Text to Image".

use super::call::Call;
use super::request::Member;
use crate::Lossy;
use crate::json::Writer;
use crate::protocol::Untranslatable;

pub(super) fn write(call: &Call<'_, '_>, lossy: &mut Lossy) -> Result<Vec<u8>, Untranslatable> {
    call.no_source()?;
    let request = call.request;
    let mut w = Writer::with_capacity(256);
    w.open().text("inputs", &request.prompt);
    let extra = request.extra.members().next().is_some();
    let seed = call.seed_up_to(u64::MAX);
    let mut carried = vec![Member::Size];
    if request.size.is_some() || seed.is_some() || extra {
        w.key("parameters").open();
        let size = request.size;
        w.member_if(
            "width",
            call.unless_own("width", size.map(|size| size.width))
                .as_ref(),
        );
        w.member_if(
            "height",
            call.unless_own("height", size.map(|size| size.height))
                .as_ref(),
        );
        if let Some(seed) = seed {
            w.member("seed", &seed);
            carried.push(Member::Seed);
        }
        w.rest(&request.extra);
        w.close();
    }
    w.close();
    call.lose_all_but(&carried, lossy);
    Ok(w.into_bytes())
}
