//! What DNS is asked for upstreams.

use std::net::SocketAddr;
use std::time::Duration;

use ferrogate_types::route::DynamicUpstreams;

use crate::compile::Compiler;
use crate::placeholder::View;
use crate::text::Text;

/// A question whose answers are upstreams.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Lookup {
    /// What is asked.
    pub question: Question,
    /// How long an answer is believed.
    pub refresh: Duration,
    /// DNS servers to ask instead of the system's.
    pub resolvers: Vec<SocketAddr>,
    /// How long the last good answer stands in for a failed one.
    pub grace_period: Option<Duration>,
}

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Question {
    /// The addresses of a name.
    Addresses {
        /// The name.
        name: String,
        /// The port of every upstream.
        port: u16,
        /// IPv4 addresses count.
        ipv4: bool,
        /// IPv6 addresses count.
        ipv6: bool,
    },
    /// The service records of a name, `_service._proto.domain`.
    Services {
        /// The full name.
        name: String,
    },
}

/// A compiled question.
#[derive(Debug)]
pub(super) struct Source {
    asks: Asks,
    refresh: Duration,
    resolvers: Vec<SocketAddr>,
    grace_period: Option<Duration>,
}

#[derive(Debug)]
enum Asks {
    Addresses {
        name: Text,
        port: Text,
        ipv4: bool,
        ipv6: bool,
    },
    Services {
        service: Text,
        proto: Text,
        name: Text,
    },
}

impl Source {
    /// Compiles the questions of a `dynamic` line, those of `multi` one after the other.
    pub(super) fn compile(dynamic: &DynamicUpstreams, compiler: &mut Compiler<'_>) -> Vec<Self> {
        match dynamic {
            DynamicUpstreams::A(a) => vec![Self {
                asks: Asks::Addresses {
                    name: compiler.emptying(&a.name),
                    port: compiler.emptying(&a.port),
                    ipv4: a.ipv4,
                    ipv6: a.ipv6,
                },
                refresh: a.refresh,
                resolvers: a.resolvers.clone(),
                grace_period: None,
            }],
            DynamicUpstreams::Srv(srv) => vec![Self {
                asks: Asks::Services {
                    service: compiler.emptying(&srv.service),
                    proto: compiler.emptying(&srv.proto),
                    name: compiler.emptying(&srv.name),
                },
                refresh: srv.refresh,
                resolvers: srv.resolvers.clone(),
                grace_period: srv.grace_period,
            }],
            DynamicUpstreams::Multi(sources) => sources
                .iter()
                .flat_map(|source| Self::compile(source, compiler))
                .collect(),
        }
    }

    /// The question for a request; `None` when a placeholder left no name or no port.
    pub(super) fn lookup(&self, view: &View<'_>) -> Option<Lookup> {
        let question = match &self.asks {
            Asks::Addresses {
                name,
                port,
                ipv4,
                ipv6,
            } => Question::Addresses {
                name: name.render(view).into_owned(),
                port: port.render(view).parse().ok()?,
                ipv4: *ipv4,
                ipv6: *ipv6,
            },
            Asks::Services {
                service,
                proto,
                name,
            } => {
                let (service, proto) = (service.render(view), proto.render(view));
                let domain = name.render(view);
                let name = if service.is_empty() && proto.is_empty() {
                    domain.into_owned()
                } else {
                    format!("_{service}._{proto}.{domain}")
                };
                Question::Services { name }
            }
        };
        let (Question::Addresses { name, .. } | Question::Services { name }) = &question;
        (!name.is_empty()).then(|| Lookup {
            question: question.clone(),
            refresh: self.refresh,
            resolvers: self.resolvers.clone(),
            grace_period: self.grace_period,
        })
    }
}
