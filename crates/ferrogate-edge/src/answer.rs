//! Answers the edge gives by itself.

use bytes::Bytes;
use ferrogate_types::Template;
use ferrogate_types::route::RedirectCode;
use http::header::{CONTENT_TYPE, LOCATION};
use http::{HeaderName, HeaderValue};
use serde::de::IgnoredAny;

use crate::compile::Compiler;
use crate::edit::header_value;
use crate::exchange::Exchange;
use crate::placeholder::{View, status_text};
use crate::text::Text;

/// A whole answer but for the `header` directives, which [`Exchange::finish_response`] adds.
///
/// To `HEAD` the caller sends the length of the body and no body; with 204 and 304 neither.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// 200 to 999.
    pub status: u16,
    /// `Content-Type` or `Location`, where the answer brings one.
    pub field: Option<(HeaderName, HeaderValue)>,
    /// The body, possibly empty.
    pub body: Bytes,
    /// End the connection afterwards.
    pub close: bool,
}

/// Why an answer could not be made: a status and what to log.
pub(crate) type Failure = (u16, String);

/// The `respond` directive.
#[derive(Debug)]
pub(crate) struct Respond {
    /// Absent: 200, or in error routes that of the error.
    status: Option<Status>,
    body: Body,
    /// Of a body that is not empty.
    content_type: HeaderValue,
    close: bool,
}

/// The `error` directive.
#[derive(Debug)]
pub(crate) struct Raise {
    status: Status,
    message: Text,
}

/// The `redir` directive.
#[derive(Debug)]
pub(crate) struct Redirect {
    to: Text,
    code: Code,
}

/// A status, fixed or filled in per request.
#[derive(Debug)]
pub(crate) enum Status {
    Fixed(u16),
    Text(Text),
}

#[derive(Debug)]
enum Body {
    Fixed(Bytes),
    Text(Text),
}

#[derive(Debug)]
enum Code {
    Fixed(u16),
    Text(Text),
    Html,
}

impl Respond {
    pub(crate) fn compile(
        status: Option<&Template>,
        body: Option<&Template>,
        close: bool,
        compiler: &mut Compiler<'_>,
    ) -> Self {
        let content_type = content_type(body.map_or("", Template::source));
        let body = match body.map(|body| compiler.keeping(body)) {
            None => Body::Fixed(Bytes::new()),
            Some(text) => match text.fixed() {
                Some(fixed) => Body::Fixed(Bytes::copy_from_slice(fixed.as_bytes())),
                None => Body::Text(text),
            },
        };
        Self {
            status: status.map(|status| Status::compile(Some(status), 200, compiler)),
            body,
            content_type,
            close,
        }
    }

    pub(crate) fn answer(&self, view: &View<'_>) -> Result<Answer, Failure> {
        let status = match &self.status {
            Some(status) => status.resolve(view)?,
            None => view.exchange.error_status().unwrap_or(200),
        };
        let body = match &self.body {
            Body::Fixed(body) => body.clone(),
            Body::Text(text) => Bytes::from(text.render(view).into_owned()),
        };
        let known = view.exchange.response_headers().contains_key(CONTENT_TYPE);
        let field = (!known && !body.is_empty()).then(|| (CONTENT_TYPE, self.content_type.clone()));
        Ok(Answer {
            status,
            field,
            body,
            close: self.close,
        })
    }
}

impl Raise {
    pub(crate) fn compile(
        status: Option<&Template>,
        message: Option<&Template>,
        compiler: &mut Compiler<'_>,
    ) -> Self {
        let message = compiler.keeping(message.unwrap_or(&Template::from("")));
        Self {
            status: Status::compile(status, 500, compiler),
            message,
        }
    }

    pub(crate) fn failure(&self, view: &View<'_>) -> Failure {
        let status = match self.status.resolve(view) {
            Ok(status) => status,
            Err(failure) => return failure,
        };
        let message = self.message.render(view);
        (
            status,
            if message.is_empty() {
                status_text(status).to_owned()
            } else {
                message.into_owned()
            },
        )
    }
}

impl Redirect {
    pub(crate) fn compile(to: &Template, code: &RedirectCode, compiler: &mut Compiler<'_>) -> Self {
        let code = match code {
            RedirectCode::Status(code) => {
                if !redirects(*code) {
                    compiler.error(format!("has status {code}, which does not redirect"));
                }
                Code::Fixed(*code)
            }
            RedirectCode::Template(template) => Code::Text(compiler.emptying(template)),
            RedirectCode::Html => Code::Html,
        };
        Self {
            to: compiler.emptying(to),
            code,
        }
    }

    pub(crate) fn answer(&self, view: &View<'_>) -> Result<Answer, Failure> {
        let to = self.to.render(view);
        let status = match &self.code {
            Code::Fixed(status) => *status,
            Code::Text(text) => {
                let text = text.render(view);
                let status = text.trim().parse().ok().filter(|status| redirects(*status));
                status.ok_or_else(|| (500, format!("`{text}` is no status that redirects")))?
            }
            Code::Html => {
                if runs_code(&to) {
                    return Err((400, "a redirect must not lead to a script".to_owned()));
                }
                let page = HeaderValue::from_static("text/html; charset=utf-8");
                return Ok(Answer {
                    status: 200,
                    field: Some((CONTENT_TYPE, page)),
                    body: html_page(&to).into(),
                    close: false,
                });
            }
        };
        let location = header_value(to.as_bytes());
        Ok(Answer {
            status,
            field: Some((LOCATION, location)),
            body: Bytes::new(),
            close: false,
        })
    }
}

impl Answer {
    /// A field of the answer itself replaces what a `header` directive set earlier.
    pub(crate) fn claim_field(&self, exchange: &mut Exchange) {
        if let Some((name, _)) = &self.field {
            exchange.forget_response_header(name);
        }
    }
}

impl Status {
    pub(crate) fn compile(
        template: Option<&Template>,
        default: u16,
        compiler: &mut Compiler<'_>,
    ) -> Self {
        let Some(text) = template.map(|template| compiler.emptying(template)) else {
            return Self::Fixed(default);
        };
        match text.fixed().map(parse_status) {
            None => Self::Text(text),
            Some(Ok(status)) => Self::Fixed(status),
            Some(Err(message)) => {
                compiler.error(format!("has a status that {message}"));
                Self::Fixed(default)
            }
        }
    }

    pub(crate) fn resolve(&self, view: &View<'_>) -> Result<u16, Failure> {
        match self {
            Self::Fixed(status) => Ok(*status),
            Self::Text(text) => {
                let text = text.render(view);
                parse_status(&text).map_err(|message| (500, format!("status `{text}` {message}")))
            }
        }
    }
}

/// Reads a status an answer may have.
pub(crate) fn parse_status(text: &str) -> Result<u16, &'static str> {
    match text.trim().parse() {
        Ok(100..=199) => Err("is informational, and no answer may end there"),
        Ok(status @ 200..=999) => Ok(status),
        _ => Err("is no number from 200 to 999"),
    }
}

fn redirects(status: u16) -> bool {
    matches!(status, 300..=399 | 401)
}

/// The type of a body as it was written, placeholders and all: a request has no say in it. JSON objects and arrays are
/// recognised; nothing else is sniffed.
fn content_type(written: &str) -> HeaderValue {
    let trimmed = written.trim();
    let structured = trimmed.len() > 2
        && matches!(trimmed.as_bytes(), [b'{', .., b'}'] | [b'[', .., b']'])
        && serde_json::from_str::<IgnoredAny>(trimmed).is_ok();
    HeaderValue::from_static(if structured {
        "application/json"
    } else {
        "text/plain; charset=utf-8"
    })
}

/// Whether a browser would run the target; it ignores controls and spaces in front of and inside a scheme.
fn runs_code(target: &str) -> bool {
    let scheme: String = target
        .chars()
        .filter(|character| !character.is_ascii_control() && *character != ' ')
        .take_while(|character| *character != ':')
        .take(16)
        .collect();
    ["javascript", "data", "vbscript"]
        .iter()
        .any(|risky| scheme.eq_ignore_ascii_case(risky))
}

/// The script reads the link instead of holding the target, so that one kind of escaping is enough.
fn html_page(target: &str) -> String {
    let mut escaped = String::with_capacity(target.len());
    for character in target.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&#34;"),
            '\'' => escaped.push_str("&#39;"),
            _ => escaped.push(character),
        }
    }
    format!(
        "<!DOCTYPE html>\n<html>\n<head>\n<meta charset=\"utf-8\">\n<title>Redirecting</title>\n\
         <meta http-equiv=\"refresh\" content=\"0; url={escaped}\">\n</head>\n<body>\n\
         <a id=\"target\" href=\"{escaped}\">Continue</a>\n\
         <script>location.replace(document.getElementById(\"target\").href)</script>\n</body>\n</html>\n"
    )
}

#[cfg(test)]
mod tests;
