//! Sites and listeners.

use std::collections::HashMap;
use std::io::IsTerminal as _;
use std::sync::Arc;

use ferrogate_config::model::{
    Config, Listener, LogFormat, LogLevel, LogOutput, LogSettings, ServerOptions,
};
use ferrogate_edge::{CompileContext, HostIndex, IpSet, Program};
use ferrogate_observability::{AccessLog, Destination, Format, Metrics};
use ferrogate_proxy::{ListenerState, SiteLog, SiteState, Summary};
use ferrogate_types::route::{Handler, Route};
use http::HeaderName;

use super::{LowerError, chain};

/// Access logs, opened once for each destination however many sites write to it.
pub(super) struct Logs<'a> {
    metrics: &'a Metrics,
    dry: bool,
    open: HashMap<(Destination, Format), Arc<AccessLog>>,
}

impl<'a> Logs<'a> {
    pub(super) fn new(metrics: &'a Metrics, dry: bool) -> Self {
        Self {
            metrics,
            dry,
            open: HashMap::new(),
        }
    }

    fn open(&mut self, settings: &LogSettings) -> Result<Option<Arc<AccessLog>>, String> {
        let destination = match &settings.output {
            LogOutput::Discard => return Ok(None),
            _ if self.dry => return Ok(None),
            LogOutput::Stderr => Destination::Stderr,
            LogOutput::Stdout => Destination::Stdout,
            LogOutput::File(path) => Destination::File(path.clone()),
        };
        let terminal = match destination {
            Destination::Stderr => std::io::stderr().is_terminal(),
            Destination::Stdout => std::io::stdout().is_terminal(),
            Destination::File(_) => false,
        };
        let format = match settings.format {
            Some(LogFormat::Console) => Format::Console,
            None if terminal => Format::Console,
            Some(LogFormat::Json) | None => Format::Json,
        };
        let key = (destination, format);
        if let Some(log) = self.open.get(&key) {
            return Ok(Some(Arc::clone(log)));
        }
        let log = AccessLog::open(&key.0, format, self.metrics.log_dropped.clone())
            .map_err(|error| chain(&error))?;
        let log = Arc::new(log);
        self.open.insert(key, Arc::clone(&log));
        Ok(Some(log))
    }
}

pub(super) fn lower(
    config: &Config,
    context: &CompileContext<'_>,
    logs: &mut Logs<'_>,
    errors: &mut Vec<LowerError>,
) -> Vec<SiteState> {
    let mut sites = Vec::with_capacity(config.sites.len());
    for site in &config.sites {
        let program = match Program::compile(&site.routes, context) {
            Ok(program) => Some(program),
            Err(problems) => {
                errors.extend(problems.iter().map(|problem| {
                    LowerError::new(
                        problem.origin.place.to_string(),
                        format!("`{}` {}", problem.origin.directive, problem.message),
                    )
                }));
                None
            }
        };
        let access_log = match site
            .access_log
            .as_ref()
            .map(|settings| logs.open(settings))
            .transpose()
        {
            Ok(log) => log
                .flatten()
                .zip(site.access_log.as_ref())
                .map(|(log, settings)| SiteLog {
                    log,
                    errors_only: settings.level > LogLevel::Info,
                }),
            Err(message) => {
                errors.push(LowerError::new(site.origin.place.to_string(), message));
                None
            }
        };
        if let Some(program) = program {
            sites.push(SiteState {
                program,
                access_log,
            });
        }
    }
    sites
}

pub(super) fn listener_state(listener: &Listener) -> ListenerState {
    let rules = listener
        .hosts
        .iter()
        .map(|rule| (rule.host.as_deref(), rule.site));
    state_of(&listener.options, HostIndex::new(rules))
}

pub(super) fn state_of(options: &ServerOptions, hosts: HostIndex) -> ListenerState {
    ListenerState {
        hosts,
        trusted_proxies: IpSet::new(&options.trusted_proxies),
        // Names were checked when they were read.
        client_ip_headers: options
            .client_ip_headers
            .iter()
            .filter_map(|name| name.parse::<HeaderName>().ok())
            .collect(),
        read_timeout: options.read_body_timeout,
        write_timeout: options.write_timeout,
        admin: false,
    }
}

pub(super) fn summary(config: &Config) -> Summary {
    let mut summary = Summary {
        sites: config.sites.len(),
        ..Summary::default()
    };
    for site in &config.sites {
        count(&site.routes, &mut summary);
    }
    summary
}

fn count(routes: &[Route], summary: &mut Summary) {
    for route in routes {
        summary.routes += 1;
        match &route.handler {
            Handler::Handle(inner) | Handler::Route(inner) => count(inner, summary),
            Handler::ReverseProxy(proxy) => summary.upstreams += proxy.upstreams.len(),
            _ => {}
        }
    }
}
