//! Listings of directories, for people and for programs.

use std::io;
use std::path::Path;
use std::time::SystemTime;

use http::header::ACCEPT;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde::Serialize;

use crate::serve::{Ask, BrowseRules, Rules};

/// A listing, rendered.
#[derive(Debug)]
pub struct Listing {
    /// `text/html` or `application/json`, with UTF-8.
    pub content_type: &'static str,
    /// The page.
    pub body: String,
    /// When the directory or the latest of its entries changed.
    pub modified: Option<SystemTime>,
}

/// What entries are put in order by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SortBy {
    /// Their names.
    Name,
    /// Their names, directories first.
    #[default]
    NameDirFirst,
    /// Their sizes.
    Size,
    /// When they changed.
    Time,
}

#[derive(Debug, Serialize)]
struct Entry {
    name: String,
    size: u64,
    url: String,
    mod_time: String,
    mode: u32,
    is_dir: bool,
    is_symlink: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    symlink_path: Option<String>,
    #[serde(skip)]
    modified: SystemTime,
}

impl SortBy {
    /// Reads a column's name: `name`, `namedirfirst`, `size`, `time`.
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "name" => Self::Name,
            "namedirfirst" => Self::NameDirFirst,
            "size" => Self::Size,
            "time" => Self::Time,
            _ => return None,
        })
    }
}

/// Reads a directory, sorted and cut as the query asks: `sort`, `order` (`asc`, `desc`), `limit`, `offset`.
pub(crate) fn read(
    browse: &BrowseRules,
    rules: &Rules,
    ask: &Ask,
    path: &Path,
) -> io::Result<Listing> {
    let mut entries = Vec::new();
    let mut modified = std::fs::metadata(path)?.modified().ok();
    for found in std::fs::read_dir(path)?.take(browse.file_limit) {
        let found = found?;
        let file = found.path();
        if rules.hidden.hides(&file) {
            continue;
        }
        if let Some(entry) = entry(browse, &found.file_name().to_string_lossy(), &file) {
            modified = modified.max(Some(entry.modified));
            entries.push(entry);
        }
    }
    let asked = |key: &str| {
        ask.query.split('&').find_map(|pair| {
            let (name, value) = pair.split_once('=')?;
            (name == key).then_some(value)
        })
    };
    let sort = asked("sort").and_then(SortBy::parse).unwrap_or(browse.sort);
    sort_entries(&mut entries, sort);
    let descending = asked("order").map_or(browse.descending, |order| order == "desc");
    if descending {
        entries.reverse();
    }
    let number = |key| asked(key).and_then(|text| text.parse::<usize>().ok());
    let entries: Vec<Entry> = entries
        .into_iter()
        .skip(number("offset").unwrap_or(0))
        .take(number("limit").unwrap_or(usize::MAX))
        .collect();

    let json = ask
        .headers
        .get(ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .is_some_and(|accept| accept.to_ascii_lowercase().contains("application/json"));
    let (content_type, body) = if json {
        let body = serde_json::to_string(&entries).map_err(io::Error::other)?;
        ("application/json; charset=utf-8", format!("{body}\n"))
    } else {
        let path = String::from_utf8_lossy(&ask.original_path);
        ("text/html; charset=utf-8", page(&path, &entries))
    };
    Ok(Listing {
        content_type,
        body,
        modified,
    })
}

fn entry(browse: &BrowseRules, name: &str, file: &Path) -> Option<Entry> {
    let own = std::fs::symlink_metadata(file).ok()?;
    let is_symlink = own.is_symlink();
    // A link that leads nowhere is listed as itself.
    let metadata = std::fs::metadata(file).unwrap_or(own);
    let is_dir = metadata.is_dir();
    let slash = if is_dir { "/" } else { "" };
    let modified = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
    Some(Entry {
        name: format!("{name}{slash}"),
        size: metadata.len(),
        url: format!("./{}{slash}", utf8_percent_encode(name, URL)),
        mod_time: rfc3339(modified),
        mode: mode(&metadata, is_symlink),
        is_dir,
        is_symlink,
        symlink_path: (is_symlink && browse.reveal_symlinks)
            .then(|| std::fs::read_link(file).ok())
            .flatten()
            .map(|target| target.to_string_lossy().into_owned()),
        modified,
    })
}

/// Permissions and kind in the form of Go's `fs.FileMode`, which programs that read Caddy's listings know.
fn mode(metadata: &std::fs::Metadata, is_symlink: bool) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    const DIRECTORY: u32 = 1 << 31;
    const SYMLINK: u32 = 1 << 27;
    let kind = if metadata.is_dir() { DIRECTORY } else { 0 } | if is_symlink { SYMLINK } else { 0 };
    metadata.permissions().mode() & 0o777 | kind
}

fn sort_entries(entries: &mut [Entry], sort: SortBy) {
    let name = |entry: &Entry| entry.name.to_lowercase();
    match sort {
        SortBy::Name => entries.sort_by_cached_key(name),
        SortBy::NameDirFirst => entries.sort_by_cached_key(|entry| (!entry.is_dir, name(entry))),
        // The size of a directory itself says nothing.
        SortBy::Size => entries.sort_by_cached_key(|entry| {
            let size = (!entry.is_dir).then_some(entry.size);
            (size, name(entry))
        }),
        SortBy::Time => entries.sort_by_cached_key(|entry| (entry.modified, name(entry))),
    }
}

fn page(path: &str, entries: &[Entry]) -> String {
    let title = escape(path);
    let mut rows = String::new();
    if path != "/" {
        rows.push_str("<tr><td><a href=\"../\">../</a></td><td></td><td></td></tr>\n");
    }
    for entry in entries {
        let (url, name) = (escape(&entry.url), escape(&entry.name));
        let arrow = entry
            .symlink_path
            .as_ref()
            .map(|target| format!(" &rarr; {}", escape(target)))
            .unwrap_or_default();
        let size = if entry.is_dir {
            "&mdash;".to_owned()
        } else {
            human(entry.size)
        };
        let time = &entry.mod_time;
        rows.push_str("<tr><td><a href=\"");
        rows.push_str(&url);
        rows.push_str("\">");
        rows.push_str(&name);
        rows.push_str("</a>");
        rows.push_str(&arrow);
        rows.push_str("</td><td class=\"n\">");
        rows.push_str(&size);
        rows.push_str("</td><td><time datetime=\"");
        rows.push_str(time);
        rows.push_str("\">");
        rows.push_str(time);
        rows.push_str("</time></td></tr>\n");
    }
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>{title}</title>\n\
         <style>body{{font:1rem system-ui;margin:2rem}}table{{border-collapse:collapse}}\
         td,th{{padding:.3rem 1rem .3rem 0;text-align:left}}.n{{text-align:right}}</style></head>\n\
         <body><h1>{title}</h1>\n<table><thead><tr>\
         <th><a href=\"?sort=name\">Name</a></th><th><a href=\"?sort=size\">Size</a></th>\
         <th><a href=\"?sort=time\">Modified</a></th></tr></thead><tbody>\n{rows}</tbody></table></body></html>\n"
    )
}

/// A size for people.
fn human(size: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if size < 1024 {
        return format!("{size} B");
    }
    let mut tenths = size * 10 / 1024;
    let mut unit = 0;
    while tenths >= 10_240 && unit + 1 < UNITS.len() {
        tenths /= 1024;
        unit += 1;
    }
    let name = UNITS.get(unit).copied().unwrap_or_default();
    format!("{}.{} {name}", tenths / 10, tenths % 10)
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&#34;"),
            '\'' => out.push_str("&#39;"),
            character => out.push(character),
        }
    }
    out
}

/// The time in UTC, by the second. Source: RFC 3339; the calendar's arithmetic by counting eras of 400 years from March.
fn rfc3339(time: SystemTime) -> String {
    let seconds = time
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| since.as_secs());
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let day_of_era = shifted % 146_097;
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (rest / 3_600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// What has a meaning in the path of a URL, or in HTML.
const URL: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'\\')
    .add(b'`')
    .add(b'{')
    .add(b'}');

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn sizes_and_times_are_for_people() {
        for (size, expected) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1536, "1.5 KiB"),
            (1 << 20, "1.0 MiB"),
            (5 << 30, "5.0 GiB"),
        ] {
            assert_eq!(human(size), expected);
        }
        for (seconds, expected) in [
            (0, "1970-01-01T00:00:00Z"),
            (784_111_777, "1994-11-06T08:49:37Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_795_132_800, "2026-11-20T00:00:00Z"),
        ] {
            let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
            assert_eq!(rfc3339(time), expected);
        }
    }

    #[test]
    fn names_cannot_break_the_page() {
        assert_eq!(
            escape("<a href='\"&\">"),
            "&lt;a href=&#39;&#34;&amp;&#34;&gt;"
        );
        let url = utf8_percent_encode("a b\"#?%é/", URL).to_string();
        assert_eq!(url, "a%20b%22%23%3F%25%C3%A9/");
    }
}
