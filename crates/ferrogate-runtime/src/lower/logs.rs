//! Logs: those of the process, and the access logs of sites.

mod settings;

use std::sync::{Arc, LazyLock};

use ferrogate_config::model::{
    AccessHosts, AccessLog, Config, Global, LogLevel, LogSettings, Site,
};
use ferrogate_observability::{Level, Log, Selector, Writers, lost_entries};
use ferrogate_proxy::{LogHosts, Loggers, SiteLog};

use super::{LowerError, chain};

/// The logger of access entries; names of logs come behind it.
const ACCESS: &str = "http.log.access";

/// The log that takes what no other includes.
const DEFAULT: &str = "default";

/// The threads that write logs. They belong to the process: the log of the process and the access logs of every
/// configuration may go to the same file, which only one of them can put aside.
static WRITERS: LazyLock<Writers> = LazyLock::new(|| Writers::new(lost_entries().clone()));

/// A log of the process.
#[derive(Debug)]
pub(crate) struct ProcessLog {
    pub(crate) selector: Selector,
    pub(crate) log: Arc<Log>,
}

/// Opens the logs of the process; `level` wins over theirs.
pub(crate) fn of_process(global: &Global, level: Option<Level>) -> Result<Vec<ProcessLog>, String> {
    let included = || global.logs.iter().flat_map(|log| &log.include);
    std::iter::once(&global.log)
        .chain(&global.logs)
        .map(|log| {
            let mut selector = Selector {
                include: log.include.clone(),
                exclude: log.exclude.clone(),
            };
            let mut settings = log.settings.clone();
            if log.name == DEFAULT {
                // Who sends some loggers elsewhere does not want them twice.
                selector.exclude.extend(included().cloned());
                if global.debug {
                    settings.level = LogLevel::Debug;
                }
            }
            let log = open(&settings, level)?;
            Ok(ProcessLog { selector, log })
        })
        .collect()
}

fn open(settings: &LogSettings, level: Option<Level>) -> Result<Arc<Log>, String> {
    let destination = settings::destination(&settings.output);
    let encoder = settings::encoder(settings, destination.as_ref())?;
    let writer = destination
        .map(|destination| WRITERS.open(&destination))
        .transpose()
        .map_err(|error| chain(&error))?;
    let level = level.unwrap_or(settings::level(settings.level));
    let sampling = settings.sampling.map(settings::sampling);
    Ok(Arc::new(Log::new(writer, encoder, level, sampling)))
}

/// Whether a log could be opened, without doing it.
fn check(settings: &LogSettings) -> Result<(), String> {
    let destination = settings::destination(&settings.output);
    settings::encoder(settings, destination.as_ref())?;
    destination.map_or(Ok(()), |destination| {
        destination.check().map_err(|error| chain(&error))
    })
}

/// The logs of a configuration, by what goes into them.
#[derive(Debug)]
pub(super) struct Logs {
    dry: bool,
    loggers: Loggers,
}

impl Logs {
    /// The logs of the process, which take access entries, too. Opens nothing when `dry`.
    pub(super) fn of_process(config: &Config, dry: bool, errors: &mut Vec<LowerError>) -> Self {
        let mut loggers = Loggers::default();
        let global = &config.global;
        if dry {
            for log in std::iter::once(&global.log).chain(&global.logs) {
                if let Err(message) = check(&log.settings) {
                    errors.push(LowerError::new(format!("log `{}`", log.name), message));
                }
            }
            return Self { dry, loggers };
        }
        // Logs with a destination of their own do not write to the default one as well.
        let elsewhere: Vec<String> = config
            .sites
            .iter()
            .flat_map(|site| &site.access_logs)
            .filter(|log| !log.inherits)
            .filter_map(|log| log.name.as_ref().map(|_| logger(log)))
            .collect();
        match of_process(global, None) {
            Ok(logs) => {
                let logs = logs.into_iter().enumerate().map(|(index, mut log)| {
                    if index == 0 {
                        log.selector.exclude.extend(elsewhere.iter().cloned());
                    }
                    (log.selector, log.log)
                });
                loggers.0.extend(logs);
            }
            Err(message) => errors.push(LowerError::new("the log of the process", message)),
        }
        Self { dry, loggers }
    }

    /// The access logs of a site.
    pub(super) fn of_site(&mut self, site: &Site, errors: &mut Vec<LowerError>) -> Vec<SiteLog> {
        let mut fail = |message| {
            let place = site.origin.place.to_string();
            errors.push(LowerError::new(place, message));
        };
        let mut logs = Vec::with_capacity(site.access_logs.len());
        for access in &site.access_logs {
            if self.dry {
                if let Err(message) = check(&access.settings) {
                    fail(message);
                }
                continue;
            }
            let logger = logger(access);
            let mut targets = self.inherited(access, &logger);
            if !access.inherits {
                match open(&access.settings, None) {
                    Ok(own) => {
                        if access.name.is_some() {
                            let selector = Selector {
                                include: vec![logger.clone()],
                                exclude: Vec::new(),
                            };
                            self.loggers.0.push((selector, Arc::clone(&own)));
                        }
                        targets.push(own);
                    }
                    Err(message) => fail(message),
                }
            }
            logs.push(SiteLog {
                logger: logger.into(),
                hosts: match &access.hosts {
                    AccessHosts::All => LogHosts::All,
                    AccessHosts::Only(hosts) => LogHosts::Only(hosts.clone()),
                    AccessHosts::None => LogHosts::None,
                },
                logs: targets,
            });
        }
        logs
    }

    /// The logs of the process that take the entries of an access log: all that take its logger, and of one with
    /// a destination of its own, not the default one.
    fn inherited(&self, access: &AccessLog, logger: &str) -> Vec<Arc<Log>> {
        let process = self.loggers.0.iter().enumerate();
        process
            .filter(|(index, (selector, _))| {
                // Those of other sites include what they take by its full name.
                let own_name = selector.include.iter().any(|name| name == logger);
                let default = *index == 0;
                selector.allows(logger) && !(default && !access.inherits && !own_name)
            })
            .map(|(_, (_, log))| Arc::clone(log))
            .collect()
    }

    pub(super) fn into_loggers(self) -> Loggers {
        self.loggers
    }
}

fn logger(log: &AccessLog) -> String {
    match &log.name {
        Some(name) => format!("{ACCESS}.{name}"),
        None => ACCESS.to_owned(),
    }
}
