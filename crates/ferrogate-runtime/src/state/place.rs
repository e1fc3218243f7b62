//! Where state is kept.

use std::path::{Path, PathBuf};

use ferrogate_config::model::{Config, RequestLogs, Retention, Store};
use ferrogate_storage::{Dsn, DsnError, RedisDsn, StoreVariables};

use crate::lower::LowerError;

/// Where state is kept.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// The store of everything.
    pub(crate) store: Dsn,
    /// The store of entries about requests, where they are kept at all.
    pub(crate) request_logs: Option<Dsn>,
    /// How many of them.
    pub(crate) retention: Retention,
    /// The folder of the ledger's journal; nothing for a state that ends with the process.
    pub(crate) journal: Option<PathBuf>,
    /// Whether somebody says so, or it is the usual place.
    pub(crate) chosen: bool,
    /// What this node shares with others.
    pub(crate) shared: Option<RedisDsn>,
}

/// The file of the usual place, and the folder it is in beside a configuration.
const FILE: &str = "ferrogate.db";
const FOLDER: &str = ".ferrogate";

impl Place {
    /// Where the state of a configuration is kept that lies in the folder `home`; nothing where there is none to keep.
    ///
    /// The configuration says it, else the variables of Ferro Labs' gateway. The usual place is `ferrogate.db` in the
    /// folder that systemd gives (`$STATE_DIRECTORY`), else in `.ferrogate` beside the configuration. The journal of
    /// the ledger lies beside the file, and in the usual place for a store elsewhere.
    pub(crate) fn of(
        config: &Config,
        env: &dyn Fn(&str) -> Option<String>,
        home: &Path,
        errors: &mut Vec<LowerError>,
    ) -> Option<Self> {
        let state = config.global.state.as_ref();
        if state.is_none() && config.ai_gateways.is_empty() && config.global.admin.is_none() {
            return None;
        }
        let usual = usual(env, home);
        let mut wrong = |what: &str, error: DsnError| {
            errors.push(LowerError::new(what, format!("the address {error}")));
        };
        let mut read = |what: &str, store: &Store| match store {
            Store::Memory => Some(Dsn::Memory),
            Store::Sqlite(path) => Some(Dsn::Sqlite(home.join(path))),
            Store::Postgres(dsn) => match dsn.expose().parse() {
                Ok(dsn) => Some(Dsn::Postgres(Box::new(dsn))),
                Err(error) => {
                    wrong(what, error);
                    None
                }
            },
        };
        let (store, request_logs, retention) = if let Some(state) = state {
            let store = read("state", &state.store);
            let logs = match &state.request_logs {
                RequestLogs::Same => store.clone(),
                RequestLogs::Off => None,
                RequestLogs::Elsewhere(store) => read("request_logs", store),
            };
            (store, logs, state.retention)
        } else {
            let variables = variables(env, errors);
            let store = variables.keys.or(variables.config);
            let logs = variables.request_logs.or_else(|| store.clone());
            (store, logs, Retention::default())
        };
        let shared = config.global.shared.as_ref();
        let shared = shared.and_then(|url| match url.expose().parse() {
            Ok(dsn) => Some(dsn),
            Err(error) => {
                errors.push(LowerError::new("shared", format!("the address {error}")));
                None
            }
        });
        let chosen = state.is_some() || store.is_some();
        let store = store.unwrap_or_else(|| Dsn::Sqlite(usual.clone()));
        let request_logs = match (state, request_logs) {
            (None, None) => Some(store.clone()),
            (_, logs) => logs,
        };
        let journal = match &store {
            Dsn::Memory => None,
            Dsn::Sqlite(path) => Some(path.with_extension("ledger")),
            Dsn::Postgres(_) | Dsn::Redis(_) => Some(usual.with_extension("ledger")),
        };
        Some(Self {
            store,
            request_logs,
            retention,
            journal,
            chosen,
            shared,
        })
    }
}

fn usual(env: &dyn Fn(&str) -> Option<String>, home: &Path) -> PathBuf {
    // Several folders are given with colons between them.
    let given = env("STATE_DIRECTORY")
        .and_then(|folders| folders.split(':').next().map(PathBuf::from))
        .filter(|folder| folder.is_absolute());
    given.unwrap_or_else(|| home.join(FOLDER)).join(FILE)
}

/// What the variables of Ferro Labs' gateway say. Keys and configurations are in one store here.
fn variables(env: &dyn Fn(&str) -> Option<String>, errors: &mut Vec<LowerError>) -> StoreVariables {
    let variables = match StoreVariables::read(env) {
        Ok(variables) => variables,
        Err(found) => {
            let found = found.iter();
            errors.extend(found.map(|error| LowerError::new("environment", error.to_string())));
            return StoreVariables::default();
        }
    };
    if let (Some(keys), Some(config)) = (&variables.keys, &variables.config)
        && keys != config
    {
        errors.push(LowerError::new(
            "environment",
            "`API_KEY_STORE_DSN` and `CONFIG_STORE_DSN` name two stores; keys and configurations are kept in one here",
        ));
    }
    variables
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str, env: &[(&str, &str)]) -> Result<Option<[String; 3]>, Vec<String>> {
        let env = |name: &str| {
            let found = env.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        let options = ferrogate_config::LoadOptions {
            env: &env,
            format: None,
        };
        let loaded = ferrogate_config::load_str("Caddyfile", text, Path::new("/etc/f"), &options);
        let mut errors = Vec::new();
        let report = loaded.report.render(false);
        let config = loaded.config.unwrap_or_else(|| panic!("{report}"));
        let place = Place::of(&config, &env, Path::new("/etc/f"), &mut errors);
        if !errors.is_empty() {
            return Err(errors.iter().map(ToString::to_string).collect());
        }
        Ok(place.map(|place| {
            [
                place.store.to_string(),
                place
                    .request_logs
                    .map_or("off".to_owned(), |dsn| dsn.to_string()),
                place
                    .journal
                    .map_or("none".to_owned(), |path| path.display().to_string()),
            ]
        }))
    }

    fn check(text: &str, env: &[(&str, &str)], expected: [&str; 3]) {
        assert_eq!(
            of(text, env),
            Ok(Some(expected.map(str::to_owned))),
            "{text} {env:?}"
        );
    }

    const SITE: &str = ":8080 {\n\tai_gateway {\n\t\tauth off\n\t}\n}\n";

    fn global(option: &str) -> String {
        format!("{{\n\t{option}\n}}\n{SITE}")
    }

    #[test]
    fn finds_the_place_of_a_configuration() {
        assert_eq!(of(":8080 {\n\trespond ok\n}\n", &[]), Ok(None));
        check(
            SITE,
            &[],
            [
                "sqlite:/etc/f/.ferrogate/ferrogate.db",
                "sqlite:/etc/f/.ferrogate/ferrogate.db",
                "/etc/f/.ferrogate/ferrogate.ledger",
            ],
        );
        check(
            SITE,
            &[("STATE_DIRECTORY", "/var/lib/f:/other")],
            [
                "sqlite:/var/lib/f/ferrogate.db",
                "sqlite:/var/lib/f/ferrogate.db",
                "/var/lib/f/ferrogate.ledger",
            ],
        );
        check(
            &global("state sqlite my.db {\n\t\trequest_logs off\n\t}"),
            &[],
            ["sqlite:/etc/f/my.db", "off", "/etc/f/my.ledger"],
        );
        check(
            &global("state memory {\n\t\trequest_logs sqlite /l.db\n\t}"),
            &[],
            ["memory", "sqlite:/l.db", "none"],
        );
        check(
            &global("state postgres postgres://u:p@h/d"),
            &[],
            [
                "postgres://u:***@h/d",
                "postgres://u:***@h/d",
                "/etc/f/.ferrogate/ferrogate.ledger",
            ],
        );
    }

    #[test]
    fn takes_the_variables_of_another_gateway_where_the_configuration_is_silent() {
        let variables = [
            ("API_KEY_STORE_BACKEND", "sqlite"),
            ("API_KEY_STORE_DSN", "/data/keys.db"),
            ("REQUEST_LOG_STORE_BACKEND", "memory"),
        ];
        check(
            SITE,
            &variables,
            ["sqlite:/data/keys.db", "memory", "/data/keys.ledger"],
        );
        check(
            &global("state memory"),
            &variables,
            ["memory", "memory", "none"],
        );
        let two = [
            ("API_KEY_STORE_BACKEND", "sqlite"),
            ("API_KEY_STORE_DSN", "/a.db"),
            ("CONFIG_STORE_BACKEND", "sqlite"),
            ("CONFIG_STORE_DSN", "/b.db"),
        ];
        assert!(of(SITE, &two).unwrap_err()[0].contains("name two stores"));
        let wrong = of(
            &global("state postgres postgres://h/d?sslmode=sometimes"),
            &[],
        );
        assert!(wrong.unwrap_err()[0].starts_with("state: the address"));
    }
}
