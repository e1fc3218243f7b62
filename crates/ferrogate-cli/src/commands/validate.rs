//! `ferrogate validate`

use super::source;
use crate::args::{Format, ValidateOptions};
use crate::console::{Failure, Outcome, print};

/// Runs the boot pipeline without side effects: one summary line on stdout, problems on stderr; or everything as
/// JSON on stdout.
pub(crate) fn run(options: &ValidateOptions) -> Outcome {
    let home = source::home(&options.config)?;
    let (config, mut report) = source::read(&options.config, None)?;
    let prepared = config
        .as_ref()
        .filter(|_| report.is_runnable())
        .and_then(|config| source::compile(config, &home, &mut report));
    let valid = prepared.is_some() && report.is_runnable();
    let summary = prepared.map(|prepared| prepared.summary);
    match options.format {
        Format::Json => {
            let mut document = report.to_json();
            document["valid"] = valid.into();
            document["summary"] = summary.into();
            print(&format!("{document:#}\n"))?;
        }
        Format::Text => {
            source::tell(&report);
            if let Some(summary) = summary.filter(|_| valid) {
                print(&format!("ok {summary}\n"))?;
            }
        }
    }
    if valid { Ok(()) } else { Err(Failure::Told) }
}
