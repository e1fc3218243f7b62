//! What lowering knows while it walks the tree.

use std::collections::{BTreeSet, HashSet};
use std::net::IpAddr;
use std::sync::Arc;

use ferrogate_types::route::{Matcher, Origin};
use ferrogate_types::{Placeholder, Template};
use ipnet::IpNet;

use super::files::UnsetVariable;
use super::import::Imports;
use super::matcher::Scope;
use super::named_routes::NamedRoutes;
use super::order::Order;
use super::regex::RegexBudget;
use super::syntax::{Place, Token};
use crate::diagnostic::Diagnostic;
use crate::model::AiGateway;
use crate::report::Report;
use crate::source::Span;
use crate::suggest::nearest;

/// What lowering knows while it walks the tree.
pub(crate) struct Cx<'a> {
    pub(crate) report: &'a mut Report,
    pub(crate) imports: &'a Imports,
    /// The environment.
    pub(crate) env: &'a dyn Fn(&str) -> Option<String>,
    /// Variables without a value, by file and place.
    pub(crate) unset: &'a [UnsetVariable],
    /// Those of them that some diagnostic has named already.
    pub(crate) explained: HashSet<Arc<str>>,
    /// Named matchers, innermost block last.
    pub(crate) scopes: Vec<Scope>,
    /// The places of directives in the order of effect.
    pub(crate) order: Order,
    /// The named routes of the file.
    pub(crate) named: NamedRoutes,
    /// Placeholders that a `map` sets somewhere.
    pub(crate) mapped: BTreeSet<Arc<str>>,
    /// The absolute paths of the files of the configuration.
    pub(crate) config_files: Vec<String>,
    /// The gateways found so far.
    pub(crate) gateways: Vec<AiGateway>,
    /// The gateway of the global options, and whether a site mounts it.
    pub(crate) shared_gateway: Option<(usize, bool)>,
    /// How many of the blocks around here let only known callers in.
    pub(crate) guards: usize,
    /// The named matcher whose definition is being read, which lends its name to expressions.
    pub(crate) matcher_name: Option<Arc<str>>,
    /// How many of the blocks around here run with an answer at hand.
    pub(crate) answers: usize,
    /// How many more upstreams may be listed, because one line can stand for a thousand of them.
    pub(crate) upstreams_left: usize,
    /// How many more regular expressions may be compiled.
    pub(crate) regexes: RegexBudget,
    /// How deep `not` matchers nest here.
    pub(crate) negations: usize,
    /// The hint of a problem, by its code and its hint for a Caddyfile, in the words of another language.
    pub(crate) rephrase: fn(&str, &str) -> Option<&'static str>,
}

impl<'a> Cx<'a> {
    /// What is known before anything is read.
    pub(crate) fn new(
        report: &'a mut Report,
        imports: &'a Imports,
        env: &'a dyn Fn(&str) -> Option<String>,
        unset: &'a [UnsetVariable],
    ) -> Self {
        Self {
            report,
            imports,
            env,
            unset,
            explained: HashSet::new(),
            scopes: Vec::new(),
            order: Order::default(),
            named: NamedRoutes::default(),
            mapped: BTreeSet::new(),
            config_files: Vec::new(),
            gateways: Vec::new(),
            shared_gateway: None,
            guards: 0,
            answers: 0,
            matcher_name: None,
            upstreams_left: 100_000,
            regexes: RegexBudget::default(),
            negations: 0,
            rephrase: |_, _| None,
        }
    }
}

impl Cx<'_> {
    /// Reports a problem at a place, with the imports that brought it in.
    pub(crate) fn say(&mut self, at: Place, mut diagnostic: Diagnostic) {
        for hint in &mut diagnostic.hints {
            if let Some(other) = (self.rephrase)(diagnostic.code, hint) {
                other.clone_into(hint);
            }
        }
        let chain = self.imports.chain(at.import);
        self.report.push(diagnostic.at(at.span).imported(chain));
    }

    /// A word for a message: as written where a variable is in it, because its value may be secret.
    pub(crate) fn shown(&self, word: &Token) -> String {
        let text = if word.expanded {
            self.report.sources().text(word.at.span)
        } else {
            &word.text
        };
        match text.char_indices().nth(80) {
            Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
            None => text.to_owned(),
        }
    }

    /// Where a directive was written.
    pub(crate) fn origin(&self, name: &Token) -> Origin {
        Origin {
            directive: Arc::clone(&name.text),
            place: self.report.sources().place(name.at.span).into(),
        }
    }

    /// Where something was written that no single word names.
    pub(crate) fn origin_at(&self, at: Place) -> Origin {
        Origin {
            directive: "ai_gateway".into(),
            place: self.report.sources().place(at.span).into(),
        }
    }

    /// A variable without a value on the line of a place, which counts as explained from now on.
    pub(crate) fn unset_on_line(&mut self, at: Place) -> Option<Arc<str>> {
        let line = |span: Span| (span.file, self.report.sources().position(span).line);
        let wanted = line(at.span);
        let after = self
            .unset
            .partition_point(|variable| variable.span < at.span);
        let found = self
            .unset
            .get(after)
            .filter(|variable| line(variable.span) == wanted)?;
        self.explained.insert(Arc::clone(&found.name));
        Some(Arc::clone(&found.name))
    }

    /// Text with placeholders; unknown ones are pointed out.
    pub(crate) fn template(&mut self, word: &Token) -> Template {
        let template = Template::parse(&word.text);
        let unknown: Vec<String> = template
            .unknown()
            .filter(|name| plausible(name) && !self.mapped.contains(*name))
            // `${name}` is a group of a regular expression.
            .filter(|name| !word.text.contains(&format!("${{{name}}}")))
            .map(str::to_owned)
            .collect();
        for name in unknown.into_iter().filter(|_| !word.expanded) {
            let hint = if self.report.is_full() {
                String::new()
            } else {
                self.placeholder_hint(&name)
            };
            self.say(
                word.at,
                Diagnostic::warning(
                    "unknown-placeholder",
                    format!("unknown placeholder `{{{name}}}`"),
                )
                .label("stands for nothing")
                .hint(hint),
            );
        }
        template
    }

    /// What was meant by a placeholder that does not exist.
    fn placeholder_hint(&self, name: &str) -> String {
        let mut known: Vec<&str> = Placeholder::fixed_names().collect();
        known.extend(self.mapped.iter().take(MAX_SUGGESTED).map(|name| &**name));
        if let Some(near) = nearest(name, known) {
            return format!("did you mean `{{{near}}}`?");
        }
        let (prefix, parameter) = split_family(name);
        match nearest(prefix, Placeholder::prefixes()) {
            Some(near) if near != prefix => format!("did you mean `{{{near}{parameter}}}`?"),
            _ => String::new(),
        }
    }

    /// Addresses and ranges; `private_ranges` stands for the usual private networks.
    pub(crate) fn ranges(&mut self, words: &[Token]) -> Vec<IpNet> {
        let mut ranges = Vec::new();
        for word in words {
            if word.is_word("private_ranges") {
                ranges.extend(
                    PRIVATE_RANGES
                        .iter()
                        .filter_map(|range| range.parse::<IpNet>().ok()),
                );
                continue;
            }
            let text = self.with_environment(&word.text).into_owned();
            let range = text
                .parse::<IpNet>()
                .ok()
                .or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
            if let Some(range) = range {
                ranges.push(range);
            } else {
                let shown = self.shown(word);
                let hint = if &*word.text == "forwarded" {
                    "use the `client_ip` matcher and `trusted_proxies`"
                } else {
                    ""
                };
                self.say(
                    word.at,
                    Diagnostic::error("invalid-range", format!("`{shown}` is not an address range"))
                        .label("expected an IP address, a CIDR range such as `10.0.0.0/8`, or `private_ranges`")
                        .hint(hint),
                );
            }
        }
        ranges
    }

    /// Whether these conditions hold for known callers only.
    pub(crate) fn guards(matchers: &[Matcher]) -> bool {
        matchers.iter().any(|matcher| match matcher {
            Matcher::RemoteIp(_) | Matcher::ClientIp(_) => true,
            Matcher::Header(fields) => fields
                .iter()
                .any(|field| is_credential_field(&field.field) && !field.values.is_empty()),
            _ => false,
        })
    }

    /// Warns once of every variable without a value that nothing else has named.
    pub(crate) fn warn_unset(&mut self) {
        for variable in self.unset {
            if self.explained.insert(Arc::clone(&variable.name)) {
                let name = &variable.name;
                self.report.push(
                    Diagnostic::warning(
                        "unset-variable",
                        format!("environment variable `{name}` is not set"),
                    )
                    .at(variable.span)
                    .label("nothing stands here")
                    .hint(format!("set it, or write a default: `{{${name}:value}}`")),
                );
            }
        }
    }
}

/// Whether a header field usually carries a credential.
pub(crate) fn is_credential_field(field: &str) -> bool {
    let field = field.to_ascii_lowercase();
    CREDENTIAL_FIELDS.contains(&field.as_str())
        || ["token", "secret", "api-key", "apikey"]
            .iter()
            .any(|part| field.contains(part))
}

/// Whether what stands between two braces was meant as a placeholder, and not as JSON or a style sheet.
fn plausible(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '%')
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "._-%?[]".contains(c))
}

/// `header.X-A` to `header.` and `X-A`.
fn split_family(name: &str) -> (&str, &str) {
    name.rfind('.')
        .map_or((name, ""), |dot| name.split_at(dot + 1))
}

/// How many names of the file's own a misspelt one is compared with.
const MAX_SUGGESTED: usize = 200;

const CREDENTIAL_FIELDS: [&str; 5] = [
    "authorization",
    "proxy-authorization",
    "cookie",
    "x-api-key",
    "x-goog-api-key",
];

/// What Caddy calls `private_ranges`.
const PRIVATE_RANGES: [&str; 6] = [
    "192.168.0.0/16",
    "172.16.0.0/12",
    "10.0.0.0/8",
    "127.0.0.1/8",
    "fd00::/8",
    "::1/128",
];
