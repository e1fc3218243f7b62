//! Addresses of upstreams.

use std::ops::RangeInclusive;
use std::path::PathBuf;

use ferrogate_types::Template;
use ferrogate_types::route::{Dial, UpstreamAddress, UpstreamScheme, UpstreamTls};

use super::transport::Transport;
use crate::caddyfile::context::Cx;
use crate::caddyfile::syntax::{Place, Token};
use crate::diagnostic::Diagnostic;

/// The largest range of ports one address may stand for.
const MAX_PORTS: usize = 1000;

/// An upstream as written.
pub(super) struct Upstream {
    scheme: Option<UpstreamScheme>,
    target: Target,
    at: Place,
}

enum Target {
    Tcp { host: String, port: Option<u16> },
    Unix(PathBuf),
    Template(Template),
}

const SCHEMES: [(&str, UpstreamScheme, u16); 3] = [
    ("http://", UpstreamScheme::Http, 80),
    ("https://", UpstreamScheme::Https, 443),
    ("h2c://", UpstreamScheme::H2c, 80),
];

impl Cx<'_> {
    /// The upstreams that a word stands for: several for a range of ports, none after a complaint.
    pub(super) fn upstreams(&mut self, word: &Token) -> Vec<Upstream> {
        match parse(&word.text) {
            Ok((scheme, Parsed::Template)) => vec![Upstream {
                scheme,
                target: Target::Template(self.template(word)),
                at: word.at,
            }],
            Ok((scheme, Parsed::Unix(path))) => vec![Upstream {
                scheme,
                target: Target::Unix(path),
                at: word.at,
            }],
            Ok((scheme, Parsed::Tcp(host, None))) => {
                vec![Upstream {
                    scheme,
                    target: Target::Tcp { host, port: None },
                    at: word.at,
                }]
            }
            Ok((scheme, Parsed::Tcp(host, Some(ports)))) => {
                let Some(left) = self.upstreams_left.checked_sub(ports.len()) else {
                    self.say(
                        word.at,
                        Diagnostic::error("too-large", "the configuration has too many upstreams")
                            .label("one range of ports too many"),
                    );
                    return Vec::new();
                };
                self.upstreams_left = left;
                ports
                    .map(|port| Upstream {
                        scheme,
                        target: Target::Tcp {
                            host: host.clone(),
                            port: Some(port),
                        },
                        at: word.at,
                    })
                    .collect()
            }
            Err((label, hint)) => {
                let shown = self.shown(word);
                self.say(
                    word.at,
                    Diagnostic::error(
                        "invalid-upstream",
                        format!("`{shown}` is not an upstream address"),
                    )
                    .label(label)
                    .hint(hint),
                );
                Vec::new()
            }
        }
    }

    /// Gives every upstream its scheme and port; also the TLS settings they share.
    pub(super) fn settle(
        &mut self,
        upstreams: Vec<Upstream>,
        transport: &Transport,
    ) -> Option<(Vec<UpstreamAddress>, Option<UpstreamTls>)> {
        let explicit: Vec<(UpstreamScheme, Place)> = upstreams
            .iter()
            .filter_map(|upstream| upstream.scheme.map(|scheme| (scheme, upstream.at)))
            .collect();
        if let Some((&(first, first_at), rest)) = explicit.split_first()
            && let Some(&(_, at)) = rest.iter().find(|(scheme, _)| *scheme != first)
        {
            self.say(
                at,
                Diagnostic::error(
                    "mixed-schemes",
                    "all upstreams of one proxy must have the same scheme",
                )
                .label("differs")
                .also(first_at.span, "from this one"),
            );
            return None;
        }
        let written = explicit.first().copied();
        if let (Some((scheme, at)), Some(tls_at)) = (
            written.filter(|(s, _)| *s != UpstreamScheme::Https),
            transport.tls_at,
        ) {
            let name = if scheme == UpstreamScheme::Http {
                "http"
            } else {
                "h2c"
            };
            self.say(
                at,
                Diagnostic::error(
                    "mixed-schemes",
                    format!("`{name}://` contradicts the TLS settings of the transport"),
                )
                .label("without TLS")
                .also(tls_at.span, "with TLS"),
            );
            return None;
        }
        let h2c = transport.h2c;
        let scheme = match written {
            Some((UpstreamScheme::Http, _)) if h2c => UpstreamScheme::H2c,
            Some((scheme, _)) => scheme,
            None if transport.tls_at.is_some() => UpstreamScheme::Https,
            None if h2c => UpstreamScheme::H2c,
            None => UpstreamScheme::Http,
        };
        let default_port = SCHEMES
            .iter()
            .find(|(_, other, _)| *other == scheme)
            .map_or(80, |&(_, _, port)| port);
        let addresses = upstreams
            .into_iter()
            .map(|upstream| UpstreamAddress {
                scheme,
                dial: match upstream.target {
                    Target::Tcp { host, port } => Dial::Tcp {
                        host,
                        port: port.unwrap_or(default_port),
                    },
                    Target::Unix(path) => Dial::Unix(path),
                    Target::Template(template) => Dial::Template(template),
                },
            })
            .collect();
        let tls = (scheme == UpstreamScheme::Https).then(|| transport.tls.clone());
        Some((addresses, tls))
    }
}

enum Parsed {
    Tcp(String, Option<RangeInclusive<u16>>),
    Unix(PathBuf),
    /// Resolved per request.
    Template,
}

type Refusal = (&'static str, &'static str);

fn parse(text: &str) -> Result<(Option<UpstreamScheme>, Parsed), Refusal> {
    if text.contains('{') {
        if text.contains("://") {
            return Err((
                "a placeholder cannot stand together with a scheme",
                "leave the scheme out, and write `transport http { tls }` for HTTPS",
            ));
        }
        return Ok((None, Parsed::Template));
    }
    if let Some(rest) = text
        .strip_prefix("unix+h2c/")
        .or_else(|| text.strip_prefix("unix/"))
    {
        let scheme = text.starts_with("unix+h2c").then_some(UpstreamScheme::H2c);
        if !rest.starts_with('/') {
            return Err((
                "the path of a socket is absolute",
                "write `unix//run/app.sock`",
            ));
        }
        return Ok((scheme, Parsed::Unix(rest.into())));
    }
    let (scheme, rest) = match SCHEMES
        .iter()
        .find_map(|(prefix, scheme, port)| Some((*scheme, *port, text.strip_prefix(prefix)?)))
    {
        Some((scheme, port, rest)) => (Some((scheme, port)), rest),
        None if text.contains("://") => {
            return Err(match text.split_once("://").map(|(scheme, _)| scheme) {
                Some("ws") => (
                    "unknown scheme",
                    "write `http://`; WebSocket connections are passed on by themselves",
                ),
                Some("wss") => (
                    "unknown scheme",
                    "write `https://`; WebSocket connections are passed on by themselves",
                ),
                _ => ("unknown scheme", "use `http://`, `https://` or `h2c://`"),
            });
        }
        None => (None, text),
    };
    if rest.contains(['/', '?', '#']) {
        return Err((
            "only scheme, host and port can be given",
            "to add a path, use `rewrite` or `uri` before the proxy",
        ));
    }
    if rest.contains('@') {
        return Err((
            "credentials cannot stand in an address",
            "use `header_up Authorization`",
        ));
    }
    let (host, port) = host_and_port(rest)?;
    if host.is_empty() {
        return Err(("the host is missing", "write `localhost:PORT`"));
    }
    let ports = port.map(ports).transpose()?;
    if let (Some((scheme, _)), Some(ports)) = (scheme, &ports) {
        let port = *ports.start();
        if (scheme == UpstreamScheme::Https && port == 80)
            || (scheme != UpstreamScheme::Https && port == 443)
        {
            return Err((
                "scheme and port contradict each other",
                "443 is the port of `https://`, 80 of `http://`",
            ));
        }
    }
    Ok((
        scheme.map(|(scheme, _)| scheme),
        Parsed::Tcp(host.to_owned(), ports),
    ))
}

fn host_and_port(text: &str) -> Result<(&str, Option<&str>), Refusal> {
    if let Some(rest) = text.strip_prefix('[') {
        let (host, after) = rest.split_once(']').ok_or(("a bracket is missing", ""))?;
        return match after.strip_prefix(':') {
            Some(port) => Ok((host, Some(port))),
            None if after.is_empty() => Ok((host, None)),
            None => Err(("unexpected text after the bracket", "")),
        };
    }
    match text.matches(':').count() {
        0 => Ok((text, None)),
        1 => Ok(text
            .split_once(':')
            .map_or((text, None), |(host, port)| (host, Some(port)))),
        _ => Err(("an IPv6 address needs brackets", "write `[::1]:8080`")),
    }
}

fn ports(text: &str) -> Result<RangeInclusive<u16>, Refusal> {
    const PORT: Refusal = ("the port is not a number from 1 to 65535", "");
    let port = |text: &str| {
        text.parse::<u16>()
            .ok()
            .filter(|port| *port > 0)
            .ok_or(PORT)
    };
    let Some((from, to)) = text.split_once('-') else {
        return port(text).map(|port| port..=port);
    };
    let range = port(from)?..=port(to)?;
    if range.is_empty() {
        return Err(("the range of ports is empty", ""));
    }
    if range.len() > MAX_PORTS {
        return Err(("the range of ports is too large", ""));
    }
    Ok(range)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let shown = match parse(text) {
            Ok((scheme, Parsed::Tcp(host, ports))) => format!("{scheme:?} {host} {ports:?}"),
            Ok((scheme, Parsed::Unix(path))) => format!("{scheme:?} {}", path.display()),
            Ok((_, Parsed::Template)) => "template".to_owned(),
            Err((label, _)) => format!("error: {label}"),
        };
        assert_eq!(shown, expected, "{text}");
    }

    #[test]
    fn reads_addresses() {
        check("a", "None a None");
        check("a:80", "None a Some(80..=80)");
        check("a:8001-8003", "None a Some(8001..=8003)");
        check("https://a", "Some(Https) a None");
        check("[::1]:80", "None ::1 Some(80..=80)");
        check("unix//run/x", "None /run/x");
        check("unix+h2c//run/x", "Some(H2c) /run/x");
        check("{http.vars.backend}:80", "template");
    }

    #[test]
    fn refuses_with_a_reason() {
        check(
            "http://a/b",
            "error: only scheme, host and port can be given",
        );
        check(
            "http://a:443",
            "error: scheme and port contradict each other",
        );
        check("ws://a", "error: unknown scheme");
        check(
            "http://{host}",
            "error: a placeholder cannot stand together with a scheme",
        );
        check("a:0", "error: the port is not a number from 1 to 65535");
        check("a:9-1", "error: the range of ports is empty");
        check("::1", "error: an IPv6 address needs brackets");
        check(":80", "error: the host is missing");
    }
}
