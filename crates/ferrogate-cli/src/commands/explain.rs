//! `ferrogate explain`

use ferrogate_runtime::{ExplainedRequest, explain};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};

use super::source;
use crate::args::{ExplainOptions, Format};
use crate::console::{Failure, Outcome, print};

/// Walks a request through the configuration and says why each handler matched or did not.
pub(crate) fn run(options: &ExplainOptions) -> Outcome {
    let request = request(options)?;
    let home = source::home(&options.config)?;
    let (config, mut report) = source::read(&options.config, None)?;
    let prepared = config
        .as_ref()
        .filter(|_| report.is_runnable())
        .and_then(|config| source::compile(config, &home, &mut report));
    source::tell(&report);
    let explanation = explain(&prepared.ok_or(Failure::Told)?, &request);
    match options.format {
        Format::Text => print(&format!("{}\n", explanation.text)),
        Format::Json => print(&format!("{:#}\n", explanation.json)),
    }
}

fn request(options: &ExplainOptions) -> Result<ExplainedRequest, Failure> {
    let method = Method::from_bytes(options.method.to_ascii_uppercase().as_bytes())
        .map_err(|_| Failure::Misused(format!("`{}` is not a method", options.method)))?;
    let wrong = || {
        Failure::Misused(format!(
            "`{}` is not a URL like `http://example.com:8080/path`",
            options.url
        ))
    };
    let uri: Uri = options.url.parse().map_err(|_| wrong())?;
    let https = match uri.scheme_str() {
        Some("http") => false,
        Some("https") => true,
        _ => return Err(wrong()),
    };
    let authority = uri.authority().ok_or_else(wrong)?;
    let mut headers = HeaderMap::new();
    for line in &options.headers {
        let parsed = line.split_once(':').and_then(|(name, value)| {
            Some((
                name.trim().parse::<HeaderName>().ok()?,
                HeaderValue::from_str(value.trim()).ok()?,
            ))
        });
        let (name, value) = parsed.ok_or_else(|| {
            Failure::Misused(format!("`{line}` is not a header like `Name: value`"))
        })?;
        headers.append(name, value);
    }
    let body = match options.data.as_deref() {
        None => None,
        Some(data) => Some(match data.strip_prefix('@') {
            None => data.as_bytes().to_vec(),
            Some(file) => std::fs::read(file)
                .map_err(|error| Failure::Misused(format!("cannot read `{file}`: {error}")))?,
        }),
    };
    let key = options
        .key
        .as_deref()
        .map(str::parse)
        .transpose()
        .map_err(|_| Failure::Misused("`--key` wants the id of a key".to_owned()))?;
    Ok(ExplainedRequest {
        method,
        https,
        authority: authority.as_str().to_owned(),
        port: authority.port_u16().unwrap_or(if https { 443 } else { 80 }),
        target: uri
            .path_and_query()
            .map_or("/", |target| target.as_str())
            .to_owned(),
        headers,
        body,
        key,
    })
}
