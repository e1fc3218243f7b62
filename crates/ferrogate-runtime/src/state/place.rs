//! Where state is kept.

use std::path::{Path, PathBuf};

use ferrogate_config::model::{Config, Store};

/// Where state is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// The folder of the ledger's journal; nothing for a state that ends with the process.
    pub(crate) journal: Option<PathBuf>,
    /// Whether the configuration says so, or it is the usual place.
    pub(crate) chosen: bool,
}

/// The file of the usual place, and the folder it is in beside a configuration.
const FILE: &str = "ferrogate.db";
const FOLDER: &str = ".ferrogate";

impl Place {
    /// Where the state of a configuration is kept that lies in the folder `home`; nothing where there is none to keep.
    ///
    /// The usual place is `ferrogate.db` in the folder that systemd gives (`$STATE_DIRECTORY`), else in `.ferrogate`
    /// beside the configuration. The journal of the ledger lies beside the file, and there with a store elsewhere, too.
    pub(crate) fn of(
        config: &Config,
        env: &dyn Fn(&str) -> Option<String>,
        home: &Path,
    ) -> Option<Self> {
        let state = config.global.state.as_ref();
        if state.is_none() && config.ai_gateways.is_empty() && config.global.admin.is_none() {
            return None;
        }
        let usual = || {
            // Several folders are given with colons between them.
            let given = env("STATE_DIRECTORY")
                .and_then(|folders| folders.split(':').next().map(PathBuf::from))
                .filter(|folder| folder.is_absolute());
            given.unwrap_or_else(|| home.join(FOLDER)).join(FILE)
        };
        let file = match state.map(|state| &state.store) {
            None | Some(Store::Postgres(_)) => Some(usual()),
            Some(Store::Sqlite(path)) => Some(home.join(path)),
            Some(Store::Memory) => None,
        };
        Some(Self {
            journal: file.map(|file| file.with_extension("ledger")),
            chosen: state.is_some(),
        })
    }
}
