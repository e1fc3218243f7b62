//! A question of the admin API, as a request to explain.

use ferrogate_admin::Question;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};

use crate::ExplainedRequest;

/// The request a question is about. An error says in words what is wrong with it.
pub(super) fn request(question: Question) -> Result<ExplainedRequest, String> {
    let method = Method::from_bytes(question.method.to_ascii_uppercase().as_bytes())
        .map_err(|_| format!("`{}` is not a method", question.method))?;
    let wrong = || {
        format!(
            "`{}` is not a URL like `http://example.com:8080/path`",
            question.url
        )
    };
    let uri: Uri = question.url.parse().map_err(|_| wrong())?;
    let https = match uri.scheme_str() {
        Some("http") => false,
        Some("https") => true,
        _ => return Err(wrong()),
    };
    let authority = uri.authority().ok_or_else(wrong)?;
    let mut headers = HeaderMap::new();
    for (name, value) in &question.headers {
        let read = || {
            let name = name.parse::<HeaderName>().ok()?;
            Some((name, HeaderValue::from_str(value).ok()?))
        };
        let (name, value) = read().ok_or_else(|| format!("`{name}` is not a header"))?;
        headers.append(name, value);
    }
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
        body: question.body,
        key: question.key,
    })
}
