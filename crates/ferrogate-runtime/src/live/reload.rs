//! Reading the file again: when somebody says so with SIGHUP, or when it changes.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::signal::unix::{SignalKind, signal};
use tokio::time::sleep;

use super::{Live, Refused};

/// How often files are looked at. One that is being written is read once it has been still for as long.
const LOOK: Duration = Duration::from_secs(1);

/// Reads the file again at each SIGHUP, for as long as it is not dropped.
pub(crate) async fn at_hangups(live: Arc<Live>) {
    let mut hangups = match signal(SignalKind::hangup()) {
        Ok(hangups) => hangups,
        Err(error) => {
            tracing::error!(%error, "SIGHUP cannot be handled");
            return;
        }
    };
    while hangups.recv().await.is_some() {
        tracing::info!("SIGHUP: reading the configuration again");
        live.reload().await;
    }
}

/// Reads the file again when it changes, or one that it imports, for as long as it is not dropped.
pub(crate) async fn at_changes(live: Arc<Live>) {
    let mut files = live.files();
    let mut in_force = stamps(&files);
    loop {
        sleep(LOOK).await;
        let mut now = stamps(&files);
        if now == in_force {
            continue;
        }
        loop {
            sleep(LOOK).await;
            let later = stamps(&files);
            if later == now {
                break;
            }
            now = later;
        }
        tracing::info!("the configuration has changed: reading it again");
        live.reload().await;
        files = live.files();
        in_force = stamps(&files);
    }
}

/// When files were changed, and how long they are; nothing of those that are not there.
fn stamps(files: &[PathBuf]) -> Vec<Option<(SystemTime, u64)>> {
    let stamp = |file: &PathBuf| {
        let about = std::fs::metadata(file).ok()?;
        Some((about.modified().ok()?, about.len()))
    };
    files.iter().map(stamp).collect()
}

impl Live {
    /// Puts the file in force as it is now, or says in the log why not.
    async fn reload(&self) {
        let _one_at_a_time = self.changing.lock().await;
        let applied = self
            .read(None)
            .and_then(|(config, report)| self.apply(config, report, None));
        let refused = match applied {
            Ok(applied) => {
                crate::log_diagnostics(&applied.report.to_json());
                return;
            }
            Err(refused) => refused,
        };
        match refused {
            Refused::Invalid(report) => {
                crate::log_diagnostics(&report.to_json());
                tracing::error!(
                    errors = report.error_count(),
                    "the configuration was refused; what was in force stays"
                );
            }
            Refused::Fixed(settings) => tracing::error!(
                settings = settings.join("; "),
                "the configuration changes what only a new process can take; what was in force stays"
            ),
        }
    }

    /// The files of the configuration, as it is now.
    fn files(&self) -> Vec<PathBuf> {
        let sources = match self.read(None) {
            Ok((_, report)) => report.sources().names().map(PathBuf::from).collect(),
            Err(Refused::Invalid(report)) => report.sources().names().map(PathBuf::from).collect(),
            Err(Refused::Fixed(_)) => Vec::new(),
        };
        let mut files: Vec<PathBuf> = sources;
        if !files.contains(&self.origin.file) {
            files.push(self.origin.file.clone());
        }
        files
    }
}
