//! `ferrogate reload`

use http::Method;

use super::document::{self, Document};
use super::validate;
use crate::args::{Format, GatewayOptions, ReloadOptions};
use crate::console::{Failure, Outcome, print, say};
use crate::remote::{Ask, Remote};

/// Gives a running gateway another configuration; without a gateway's address, only checks whether it could be.
pub(crate) fn run(options: &ReloadOptions, gateway: &GatewayOptions) -> Outcome {
    if options.graceful_upgrade {
        return Err(Failure::Misused(
            "`--graceful-upgrade` is not available yet; what the running process cannot take needs a restart"
                .to_owned(),
        ));
    }
    let first = |ours: &Option<String>, theirs: &Option<String>| {
        let mut all = [ours, theirs].into_iter().flatten();
        all.find(|text| !text.is_empty()).cloned()
    };
    let gateway = GatewayOptions {
        gateway_url: first(&options.admin_url, &gateway.gateway_url),
        api_key: first(&options.admin_token, &gateway.api_key),
    };
    let checked = &options.checked;
    if gateway.gateway_url.is_none() {
        validate::run(checked)?;
        say(
            "checked only, nothing was reloaded; name the gateway with `--admin-url` or `FERROGATE_ADMIN_URL`",
        );
        return Ok(());
    }
    let file = checked.config.config.as_deref();
    let document = file.map(|path| Document::read(path, checked.config.adapter));
    let document = document.transpose()?;
    let remote = Remote::new(&gateway)?;
    let ask = Ask::admin(Method::POST, "config/reload");
    document::send(&remote, ask, document.as_ref(), |value| {
        match checked.format {
            Format::Text => document::tell(value),
            Format::Json => print(&format!("{value:#}\n")),
        }
    })
}
