//! Logs: where they go, how they look, what they leave out.

use std::path::PathBuf;
use std::time::Duration;

use ferrogate_types::route::Value;
use serde::Serialize;

/// A log of the process.
#[derive(Clone, Debug, Serialize)]
pub struct ProcessLog {
    /// Its name; `default` for the one that takes everything.
    pub name: String,
    /// Prefixes of logger names (`http.log.access`) that go into it; all when empty.
    pub include: Vec<String>,
    /// Prefixes of logger names that do not.
    pub exclude: Vec<String>,
    /// Destination, form and threshold.
    pub settings: LogSettings,
}

/// An access log of a site.
#[derive(Clone, Debug, Serialize)]
pub struct AccessLog {
    /// Its name, by which `log_name` chooses it and which entries carry (`http.log.access.NAME`).
    pub name: Option<String>,
    /// Requests of which hosts it takes.
    pub hosts: AccessHosts,
    /// Nothing was said of destination, form and threshold: its entries go to the logs of the process.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub inherits: bool,
    /// Destination, form and threshold. Entries of 5xx are `ERROR`, others `INFO`.
    pub settings: LogSettings,
}

/// Requests of which hosts an access log takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AccessHosts {
    /// All of the site.
    All,
    /// Of these, with `*` for one label; in lower case.
    Only(Vec<String>),
    /// None by itself: only where `log_name` chooses it.
    None,
}

/// Destination, form and threshold of a log.
#[derive(Clone, Debug, Serialize)]
pub struct LogSettings {
    /// Where it goes.
    pub output: LogOutput,
    /// How it looks; `None` = console on a terminal, else JSON.
    pub encoder: Option<LogEncoder>,
    /// What it leaves out.
    pub level: LogLevel,
    /// Which entries it keeps of many alike; `None` = all.
    pub sampling: Option<Sampling>,
}

/// The least important entries a log keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum LogLevel {
    /// Everything.
    Debug,
    /// Ordinary events: the default.
    Info,
    /// Things to look at.
    Warn,
    /// Failures.
    Error,
    /// Failures of the program itself.
    Panic,
    /// Nothing but what ends the process.
    Fatal,
}

/// Of entries with the same message and level within an interval, the first ones are kept, then every so manyth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Sampling {
    /// The interval; 1 s by default.
    #[serde(serialize_with = "ferrogate_types::serialize_duration")]
    pub interval: Duration,
    /// So many are kept from its beginning on; 100 by default.
    pub first: u32,
    /// Then one in so many, 100 by default; zero = none.
    pub thereafter: u32,
}

impl Default for Sampling {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(1),
            first: 100,
            thereafter: 100,
        }
    }
}

/// Where a log goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LogOutput {
    /// Standard error.
    Stderr,
    /// Standard output.
    Stdout,
    /// Nowhere.
    Discard,
    /// A file, appended to.
    File(LogFile),
    /// A socket.
    Net(LogNet),
}

/// A file that is appended to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LogFile {
    /// Its path.
    pub path: PathBuf,
    /// Its permissions; `0600` by default.
    pub mode: u32,
    /// The permissions of folders that are made for it.
    pub dir_mode: DirMode,
    /// When it is put aside; `None` = never.
    pub roll: Option<Roll>,
}

/// The permissions of folders made for a log file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DirMode {
    /// `0700`: the default.
    Private,
    /// These.
    Mode(u32),
    /// Those of the folder above.
    Inherit,
    /// Those of the file, and search for everybody who may read.
    FromFile,
}

/// When a log file is put aside, and for how long it is kept then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Roll {
    /// Before it is larger than so many bytes, a multiple of 1 MiB; 100 MiB by default.
    pub size: u64,
    /// So many old files are kept; 10 by default, zero = all.
    pub keep: u32,
    /// Old files are kept for so long, whole days; 90 days by default, zero = for ever.
    #[serde(serialize_with = "ferrogate_types::serialize_duration")]
    pub keep_for: Duration,
    /// How old files are compressed.
    pub compression: RollCompression,
    /// Old files are named in local time and not in UTC.
    pub local_time: bool,
    /// Also after so long, whatever its size.
    #[serde(serialize_with = "ferrogate_types::serialize_duration_option")]
    pub interval: Option<Duration>,
    /// Also at these minutes of every hour, 0 to 59.
    pub minutes: Vec<u8>,
    /// Also at these times of day: hour and minute.
    pub at: Vec<(u8, u8)>,
    /// The time in the names of old files, in Go's layout.
    pub backup_time_format: Option<String>,
}

impl Default for Roll {
    fn default() -> Self {
        Self {
            size: 100 << 20,
            keep: 10,
            keep_for: Duration::from_hours(2160),
            compression: RollCompression::Gzip,
            local_time: false,
            interval: None,
            minutes: Vec::new(),
            at: Vec::new(),
            backup_time_format: None,
        }
    }
}

/// How old log files are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RollCompression {
    /// Not at all.
    None,
    /// RFC 1952: the default.
    Gzip,
    /// RFC 8878.
    Zstd,
}

/// A socket that entries are sent to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LogNet {
    /// `[tcp/|udp/]HOST:PORT` or `unix//PATH`.
    pub address: String,
    /// Connecting; 10 s by default.
    #[serde(serialize_with = "ferrogate_types::serialize_duration")]
    pub dial_timeout: Duration,
    /// A destination that is down at the start is no error; entries go to standard error until it is there.
    pub soft_start: bool,
}

/// How a log looks.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LogEncoder {
    /// One JSON object a line.
    Json(EncoderKeys),
    /// Text for people.
    Console(EncoderKeys),
    /// Another form, with some fields changed first.
    Filter {
        /// The form; `None` = as for a log without one.
        wrap: Option<Box<LogEncoder>>,
        /// What is done to which fields, in the order written.
        fields: Vec<FieldFilter>,
    },
    /// Another form, with more fields.
    Append {
        /// The form; `None` = as for a log without one.
        wrap: Option<Box<LogEncoder>>,
        /// Names and values. Only placeholders of the process (`{env.NAME}`, `{system.hostname}`) mean something here.
        fields: Vec<(String, Value)>,
    },
}

/// Names and forms of the common fields. `Some("")` leaves a field out, `None` is the default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct EncoderKeys {
    /// `msg`
    pub message_key: Option<String>,
    /// `level`
    pub level_key: Option<String>,
    /// `ts`
    pub time_key: Option<String>,
    /// `logger`
    pub name_key: Option<String>,
    /// `caller`; never there.
    pub caller_key: Option<String>,
    /// `stacktrace`; never there.
    pub stacktrace_key: Option<String>,
    /// A line feed.
    pub line_ending: Option<String>,
    /// Seconds with a fraction in JSON, `2006/01/02 15:04:05.000` for people.
    pub time_format: Option<TimeFormat>,
    /// Local time and not UTC.
    pub time_local: bool,
    /// Seconds with a fraction.
    pub duration_format: Option<DurationFormat>,
    /// Lower case in JSON, upper case for people.
    pub level_format: Option<LevelFormat>,
}

/// A form of times.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeFormat {
    /// Seconds since 1970 with a fraction.
    UnixSecondsFloat,
    /// Milliseconds since 1970 with a fraction.
    UnixMilliFloat,
    /// Nanoseconds since 1970.
    UnixNano,
    /// `2006-01-02T15:04:05.000Z0700`
    Iso8601,
    /// `2006-01-02T15:04:05Z07:00`
    Rfc3339,
    /// The same with nanoseconds.
    Rfc3339Nano,
    /// `2006/01/02 15:04:05`
    Wall,
    /// The same with milliseconds.
    WallMilli,
    /// The same with nanoseconds.
    WallNano,
    /// `02/Jan/2006:15:04:05 -0700`
    CommonLog,
    /// Another layout, in the way Go writes them.
    Layout(String),
}

/// A form of durations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DurationFormat {
    /// Seconds with a fraction.
    Seconds,
    /// Whole milliseconds.
    Milliseconds,
    /// Whole nanoseconds.
    Nanoseconds,
    /// `1m30s`
    Text,
}

/// A form of levels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LevelFormat {
    /// `info`
    Lower,
    /// `INFO`
    Upper,
    /// `INFO`, coloured.
    Color,
}

/// What is done to a field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldFilter {
    /// The way to the field through the objects around it: `["request", "headers", "Cookie"]`.
    pub path: Vec<String>,
    /// What is done.
    pub filter: LogFilter,
}

/// What is done to a field's value. Of a list, to each element.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFilter {
    /// It is left out.
    Delete,
    /// It gets another name.
    Rename(String),
    /// Its value becomes this text.
    Replace(String),
    /// Only the first bits of an address are kept.
    IpMask {
        /// Bits of IPv4, at most 32; `None` leaves these addresses as they are.
        ipv4: Option<u8>,
        /// Bits of IPv6, at most 128; `None` leaves these addresses as they are.
        ipv6: Option<u8>,
    },
    /// Parameters of a URI are changed.
    Query(Vec<NamedFilter>),
    /// Cookies are changed.
    Cookie(Vec<NamedFilter>),
    /// Matches of an expression are replaced.
    Regexp {
        /// In the syntax of the `regex` crate; checked at load.
        find: String,
        /// The replacement.
        replace: String,
    },
    /// Several of them, one after the other: what to find and the replacement.
    MultiRegexp(Vec<(String, String)>),
    /// The first 8 hexadecimal digits of its SHA-256.
    Hash,
}

/// What is done to a parameter or cookie.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NamedFilter {
    /// Its name.
    pub name: String,
    /// What is done.
    pub action: FilterAction,
}

/// What is done to a parameter or cookie.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FilterAction {
    /// It is left out.
    Delete,
    /// Its value becomes this text.
    Replace(String),
    /// Its value becomes the first 8 hexadecimal digits of its SHA-256.
    Hash,
}
