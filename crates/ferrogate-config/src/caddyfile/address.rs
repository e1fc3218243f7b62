//! Addresses of sites: `[scheme://][host][:port]`.

use std::borrow::Cow;
use std::net::IpAddr;

use ferrogate_types::{Part, Placeholder, Template};

use super::context::Cx;
use super::syntax::Token;
use crate::diagnostic::Diagnostic;

/// A site's address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    /// What stands before `://`.
    pub(crate) scheme: Option<Scheme>,
    /// In lower case, IP addresses in canonical form; `None` = every host.
    pub(crate) host: Option<String>,
    /// What stands after the colon.
    pub(crate) port: Option<u16>,
}

/// The scheme of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    /// In the clear.
    Http,
    /// With TLS.
    Https,
}

/// The longest host name in bytes, as DNS has it.
const MAX_HOST: usize = 253;

impl Cx<'_> {
    /// The address that a word spells.
    pub(crate) fn address(&mut self, word: &Token) -> Option<Address> {
        match parse(&self.with_environment(&word.text)) {
            Ok(address) => Some(address),
            Err((label, hint)) => {
                let shown = self.shown(word);
                self.say(
                    word.at,
                    Diagnostic::error(
                        "invalid-address",
                        format!("`{shown}` is not the address of a site"),
                    )
                    .label(label)
                    .hint(hint),
                );
                None
            }
        }
    }
}

impl Cx<'_> {
    /// A text with `{env.NAME}` put in.
    pub(super) fn with_environment<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if !text.contains("{env.") {
            return Cow::Borrowed(text);
        }
        let template = Template::parse(text);
        let parts = template.parts().iter().map(|part| match part {
            Part::Literal(text) => text.clone(),
            Part::Placeholder(Placeholder::Env(name)) => (self.env)(name).unwrap_or_default(),
            Part::Placeholder(_) => "{}".to_owned(),
        });
        Cow::Owned(parts.collect())
    }
}

type Refusal = (&'static str, &'static str);

fn parse(text: &str) -> Result<Address, Refusal> {
    let (scheme, rest) = match text.split_once("://") {
        None => (None, text),
        Some((scheme, rest)) => match scheme.to_ascii_lowercase().as_str() {
            "http" => (Some(Scheme::Http), rest),
            "https" => (Some(Scheme::Https), rest),
            "ws" | "wss" => {
                return Err((
                    "unknown scheme",
                    "WebSocket connections arrive as `http://` or `https://`",
                ));
            }
            _ => return Err(("unknown scheme", "use `http://`, `https://` or none")),
        },
    };
    if rest.contains(['{', '}']) {
        return Err((
            "an address is known before the first request",
            "use `{$NAME}` or `{env.NAME}`; to match by a placeholder, use `:PORT` and a `host` matcher",
        ));
    }
    let rest = match rest.split_once('/') {
        None | Some((_, "")) if scheme.is_some() => rest.trim_end_matches('/'),
        None => rest,
        Some(_) => {
            return Err((
                "a path cannot be part of an address",
                "use `handle /path/*` inside the site",
            ));
        }
    };
    let (host, port) = split_port(rest)?;
    let port = match port {
        None => None,
        Some(port) => Some(
            port.parse()
                .map_err(|_| ("the port is not a number from 0 to 65535", ""))?,
        ),
    };
    let host = if host.is_empty() {
        None
    } else {
        Some(host_name(host)?)
    };
    if host.is_none() && port.is_none() && scheme.is_none() {
        return Err(("neither host nor port", "write for instance `:8080`"));
    }
    Ok(Address { scheme, host, port })
}

fn split_port(text: &str) -> Result<(&str, Option<&str>), Refusal> {
    if let Some(rest) = text.strip_prefix('[') {
        let (host, after) = rest.split_once(']').ok_or(("a bracket is missing", ""))?;
        return match after.strip_prefix(':') {
            Some(port) => Ok((host, Some(port))),
            None if after.is_empty() => Ok((host, None)),
            None => Err(("unexpected text after the bracket", "")),
        };
    }
    match text.rsplit_once(':') {
        Some((host, _)) if host.contains(':') => Ok((text, None)),
        Some((host, port)) => Ok((host, Some(port))),
        None => Ok((text, None)),
    }
}

fn host_name(host: &str) -> Result<String, Refusal> {
    if let Ok(ip) = host.parse::<IpAddr>() {
        return Ok(ip.to_string());
    }
    if host.contains(':') {
        return Err((
            "not an IP address",
            "an IPv6 address with a port needs brackets: `[::1]:8080`",
        ));
    }
    if !host.is_ascii() {
        return Err((
            "a host name has ASCII characters only",
            "write international names in their `xn--` form",
        ));
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-._*".contains(c);
    if host.len() > MAX_HOST || !host.chars().all(allowed) || host.starts_with('.') {
        return Err(("not a host name", ""));
    }
    if host
        .split('.')
        .any(|label| label.contains('*') && label != "*")
    {
        return Err(("`*` stands for a whole label", "write `*.example.com`"));
    }
    Ok(host.trim_end_matches('.').to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, scheme: Option<Scheme>, host: Option<&str>, port: Option<u16>) {
        assert_eq!(
            parse(text),
            Ok(Address {
                scheme,
                host: host.map(str::to_owned),
                port
            }),
            "{text}"
        );
    }

    #[test]
    fn reads_every_form() {
        check(":8080", None, None, Some(8080));
        check("Example.com", None, Some("example.com"), None);
        check("http://", Some(Scheme::Http), None, None);
        check(
            "https://a.b:8443/",
            Some(Scheme::Https),
            Some("a.b"),
            Some(8443),
        );
        check("*.example.com", None, Some("*.example.com"), None);
        check("[::1]:80", None, Some("::1"), Some(80));
        check("0:0::1", None, Some("::1"), None);
        check("127.0.0.1", None, Some("127.0.0.1"), None);
    }

    #[test]
    fn refuses_with_a_reason() {
        for (text, label) in [
            ("ftp://a", "unknown scheme"),
            ("a/b", "a path cannot be part of an address"),
            ("http://a/b", "a path cannot be part of an address"),
            (":http", "the port is not a number from 0 to 65535"),
            ("a:70000", "the port is not a number from 0 to 65535"),
            ("a b", "not a host name"),
            ("x*.a", "`*` stands for a whole label"),
            ("bücher.de", "a host name has ASCII characters only"),
            ("{host}", "an address is known before the first request"),
            ("[::1", "a bracket is missing"),
            ("", "neither host nor port"),
        ] {
            assert_eq!(
                parse(text).map_err(|(label, _)| label),
                Err(label),
                "{text}"
            );
        }
    }
}
