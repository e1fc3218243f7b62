//! The settings of a log, as the crate that writes it wants them.

use std::io::IsTerminal as _;

use ferrogate_config::model;
use ferrogate_observability::{
    Compression, Destination, DirMode, DurationFormat, Encoder, EncoderKeys, FieldFilter,
    FieldValue, Filter, Layer, Level, LevelFormat, LogFile, LogNet, NamedAction, NamedFilter, Roll,
    Sampling, Shape, TimeFormat,
};
use ferrogate_types::route::Value;
use ferrogate_types::{Part, Placeholder, SystemFact, Template};

use crate::lower::{chain, hostname};

/// Where it goes; `None` = nowhere.
pub(super) fn destination(output: &model::LogOutput) -> Option<Destination> {
    Some(match output {
        model::LogOutput::Discard => return None,
        model::LogOutput::Stderr => Destination::Stderr,
        model::LogOutput::Stdout => Destination::Stdout,
        model::LogOutput::File(file) => Destination::File(LogFile {
            path: file.path.clone(),
            mode: file.mode,
            dir_mode: match file.dir_mode {
                model::DirMode::Private => DirMode::Mode(0o700),
                model::DirMode::Mode(mode) => DirMode::Mode(mode),
                model::DirMode::Inherit => DirMode::Inherit,
                model::DirMode::FromFile => DirMode::FromFile,
            },
            roll: file.roll.as_ref().map(roll),
        }),
        model::LogOutput::Net(net) => Destination::Net(LogNet {
            address: net.address.clone(),
            dial_timeout: net.dial_timeout,
            soft_start: net.soft_start,
        }),
    })
}

fn roll(roll: &model::Roll) -> Roll {
    Roll {
        size: roll.size,
        keep: roll.keep,
        keep_for: roll.keep_for,
        compression: match roll.compression {
            model::RollCompression::None => Compression::None,
            model::RollCompression::Gzip => Compression::Gzip,
            model::RollCompression::Zstd => Compression::Zstd,
        },
        local_time: roll.local_time,
        interval: roll.interval,
        minutes: roll.minutes.clone(),
        at: roll.at.clone(),
        backup_time_format: roll.backup_time_format.clone(),
    }
}

pub(super) fn level(level: model::LogLevel) -> Level {
    match level {
        model::LogLevel::Debug => Level::Debug,
        model::LogLevel::Info => Level::Info,
        model::LogLevel::Warn => Level::Warn,
        model::LogLevel::Error => Level::Error,
        model::LogLevel::Panic => Level::Panic,
        model::LogLevel::Fatal => Level::Fatal,
    }
}

pub(super) fn sampling(sampling: model::Sampling) -> Sampling {
    Sampling {
        interval: sampling.interval,
        first: sampling.first,
        thereafter: sampling.thereafter,
    }
}

/// How it looks: without anything said of that, for people on a terminal, else JSON.
pub(super) fn encoder(
    settings: &model::LogSettings,
    destination: Option<&Destination>,
) -> Result<Encoder, String> {
    let terminal = match destination {
        Some(Destination::Stderr) => std::io::stderr().is_terminal(),
        Some(Destination::Stdout) => std::io::stdout().is_terminal(),
        Some(Destination::File(_) | Destination::Net(_)) | None => false,
    };
    let mut layers = Vec::new();
    let mut form = settings.encoder.as_ref();
    let (shape, mut keys) = loop {
        let (layer, wrapped) = match form {
            None if terminal => break (Shape::Console, EncoderKeys::default()),
            None => break (Shape::Json, EncoderKeys::default()),
            Some(model::LogEncoder::Json(chosen)) => break (Shape::Json, keys(chosen)),
            Some(model::LogEncoder::Console(chosen)) => break (Shape::Console, keys(chosen)),
            Some(model::LogEncoder::Filter { wrap, fields }) => {
                let filters = fields.iter().map(field_filter);
                (Layer::Filter(filters.collect::<Result<_, _>>()?), wrap)
            }
            Some(model::LogEncoder::Append { wrap, fields }) => {
                let fields = fields.iter();
                let fields = fields.map(|(name, value)| (name.clone(), field_value(value)));
                (Layer::Append(fields.collect()), wrap)
            }
        };
        layers.push(layer);
        form = wrapped.as_deref();
    };
    let colours = terminal && std::env::var_os("NO_COLOR").is_none();
    if shape == Shape::Console && colours && keys.level_format.is_none() {
        keys.level_format = Some(LevelFormat::Color);
    }
    Ok(Encoder::new(shape, keys, layers))
}

fn keys(keys: &model::EncoderKeys) -> EncoderKeys {
    EncoderKeys {
        message_key: keys.message_key.clone(),
        level_key: keys.level_key.clone(),
        time_key: keys.time_key.clone(),
        name_key: keys.name_key.clone(),
        line_ending: keys.line_ending.clone(),
        time_format: keys.time_format.as_ref().map(time_format),
        time_local: keys.time_local,
        duration_format: keys.duration_format.map(|format| match format {
            model::DurationFormat::Seconds => DurationFormat::Seconds,
            model::DurationFormat::Milliseconds => DurationFormat::Milliseconds,
            model::DurationFormat::Nanoseconds => DurationFormat::Nanoseconds,
            model::DurationFormat::Text => DurationFormat::Text,
        }),
        level_format: keys.level_format.map(|format| match format {
            model::LevelFormat::Lower => LevelFormat::Lower,
            model::LevelFormat::Upper => LevelFormat::Upper,
            model::LevelFormat::Color => LevelFormat::Color,
        }),
    }
}

fn time_format(format: &model::TimeFormat) -> TimeFormat {
    let layout = match format {
        model::TimeFormat::UnixSecondsFloat => return TimeFormat::UnixSeconds,
        model::TimeFormat::UnixMilliFloat => return TimeFormat::UnixMillis,
        model::TimeFormat::UnixNano => return TimeFormat::UnixNanos,
        model::TimeFormat::Iso8601 => "2006-01-02T15:04:05.000Z0700",
        model::TimeFormat::Rfc3339 => "2006-01-02T15:04:05Z07:00",
        model::TimeFormat::Rfc3339Nano => "2006-01-02T15:04:05.999999999Z07:00",
        model::TimeFormat::Wall => "2006/01/02 15:04:05",
        model::TimeFormat::WallMilli => "2006/01/02 15:04:05.000",
        model::TimeFormat::WallNano => "2006/01/02 15:04:05.000000000",
        model::TimeFormat::CommonLog => "02/Jan/2006:15:04:05 -0700",
        model::TimeFormat::Layout(layout) => layout,
    };
    TimeFormat::Layout(layout.to_owned())
}

fn field_filter(field: &model::FieldFilter) -> Result<FieldFilter, String> {
    let regexp = |rules: &[(String, String)]| Filter::regexp(rules).map_err(|error| chain(&error));
    let filter = match &field.filter {
        model::LogFilter::Delete => Filter::Delete,
        model::LogFilter::Rename(name) => Filter::Rename(name.clone()),
        model::LogFilter::Replace(text) => Filter::Replace(text.clone()),
        model::LogFilter::IpMask { ipv4, ipv6 } => Filter::IpMask {
            ipv4: *ipv4,
            ipv6: *ipv6,
        },
        model::LogFilter::Query(filters) => Filter::Query(filters.iter().map(named).collect()),
        model::LogFilter::Cookie(filters) => Filter::Cookie(filters.iter().map(named).collect()),
        model::LogFilter::Regexp { find, replace } => regexp(&[(find.clone(), replace.clone())])?,
        model::LogFilter::MultiRegexp(rules) => regexp(rules)?,
        model::LogFilter::Hash => Filter::Hash,
    };
    Ok(FieldFilter {
        path: field.path.clone(),
        filter,
    })
}

fn named(filter: &model::NamedFilter) -> NamedFilter {
    NamedFilter {
        name: filter.name.clone(),
        action: match &filter.action {
            model::FilterAction::Delete => NamedAction::Delete,
            model::FilterAction::Replace(text) => NamedAction::Replace(text.clone()),
            model::FilterAction::Hash => NamedAction::Hash,
        },
    }
}

fn field_value(value: &Value) -> FieldValue {
    match value {
        Value::Bool(value) => FieldValue::Bool(*value),
        Value::Integer(value) => FieldValue::Integer(*value),
        Value::Float(value) => FieldValue::Float(*value),
        Value::Text(template) => FieldValue::Text(text(template)),
    }
}

/// Text with the placeholders of the process in it; others mean nothing here, and become empty.
fn text(template: &Template) -> String {
    let parts = template.parts().iter().map(|part| match part {
        Part::Literal(text) => text.clone(),
        Part::Placeholder(Placeholder::Env(name)) => std::env::var(name).unwrap_or_default(),
        Part::Placeholder(Placeholder::SystemHostname) => hostname(),
        Part::Placeholder(Placeholder::System(fact)) => match fact {
            SystemFact::Slash => std::path::MAIN_SEPARATOR.to_string(),
            SystemFact::Os => std::env::consts::OS.to_owned(),
            SystemFact::Arch => std::env::consts::ARCH.to_owned(),
            SystemFact::WorkingDirectory => std::env::current_dir()
                .map(|directory| directory.display().to_string())
                .unwrap_or_default(),
        },
        Part::Placeholder(_) => String::new(),
    });
    parts.collect()
}
