//! `root`, `file_server`: files on disk.

use ferrogate_types::Template;
use ferrogate_types::route::{Browse, FileServer, Handler, Precompressed};

use super::body::Body;
use super::context::Cx;
use super::line::Line;
use super::respond::status;
use super::table::{Kind, Row};
use crate::diagnostic::Diagnostic;

const KIND: Kind = Kind {
    noun: "option",
    place: "in `file_server`",
};
const BROWSE: Kind = Kind {
    noun: "option",
    place: "in `browse`",
};

const SIBLINGS: &[(&str, Precompressed)] = &[
    ("br", Precompressed::Br),
    ("zstd", Precompressed::Zstd),
    ("gzip", Precompressed::Gzip),
];

/// Every option of `file_server`.
pub(crate) const OPTIONS: &[Row<FileServer>] = &[
    Row::new(
        "root",
        "root PATH",
        "Where the files are; the variable `root` by default.",
        |cx, line, server| {
            server.root = line.word(cx).map(|word| cx.template(word));
        },
    ),
    Row::many(
        "hide",
        "hide PATTERN...",
        "Files that do not exist for clients; the configuration is always hidden.",
        |cx, line, server| {
            let words = line.list(cx, 1..=999).unwrap_or_default();
            server
                .hide
                .extend(words.iter().map(|word| cx.template(word)));
        },
    ),
    Row::new(
        "index",
        "index FILE...",
        "What stands for a directory; `index.html index.txt` by default.",
        |cx, line, server| {
            if let Some(words) = line.list(cx, 1..=99) {
                server.index = words.iter().map(|word| cx.template(word)).collect();
            }
        },
    ),
    Row::new(
        "browse",
        "browse [{ ... }]",
        "Lists directories without an index file.",
        |cx, line, server| {
            if let Some((args, block)) = line.with_block(cx, 0..=1) {
                if let Some(template) = args.first() {
                    cx.say(
                        template.at,
                        Diagnostic::error(
                            "not-supported",
                            "a template of your own for listings is not supported",
                        )
                        .label("there is no template engine")
                        .hint("leave it out for the listing that is built in"),
                    );
                    return;
                }
                let mut browse = listing();
                if let Some(block) = block {
                    cx.run_block(block, BROWSE, BROWSE_OPTIONS, &mut browse);
                }
                server.browse = Some(browse);
            }
        },
    ),
    Row::new(
        "precompressed",
        "precompressed [br] [zstd] [gzip]",
        "Compressed siblings to look for; `br zstd gzip` when none is named.",
        |cx, line, server| {
            let Some(words) = line.list(cx, 0..=SIBLINGS.len()) else {
                return;
            };
            server.precompressed = if words.is_empty() {
                SIBLINGS.iter().map(|&(_, sibling)| sibling).collect()
            } else {
                words
                    .iter()
                    .filter_map(|word| cx.one_of(word, "encoding", SIBLINGS))
                    .collect()
            };
        },
    ),
    Row::new(
        "status",
        "status STATUS",
        "The status of a good answer; 200 by default.",
        |cx, line, server| {
            server.status = line.word(cx).and_then(|word| status(cx, word, ""));
        },
    ),
    Row::new(
        "pass_thru",
        "pass_thru",
        "What is not there is left to the directives that follow.",
        |cx, line, server| server.pass_thru = line.flag(cx),
    ),
    Row::new(
        "disable_canonical_uris",
        "disable_canonical_uris",
        "No redirects that add or remove the slash at the end.",
        |cx, line, server| server.canonical_uris = !line.flag(cx),
    ),
    Row::new(
        "etag_file_extensions",
        "etag_file_extensions EXTENSION...",
        "Files beside the file that hold its `ETag`.",
        |cx, line, server| {
            let words = line.list(cx, 1..=99).unwrap_or_default();
            server.etag_file_extensions = words.iter().map(|word| word.text.to_string()).collect();
        },
    ),
    Row::instead(
        "fs",
        "there are no file systems to choose from",
        "leave it out; files are read from the disk",
    ),
];

/// Every option of `browse`.
pub(crate) const BROWSE_OPTIONS: &[Row<Browse>] = &[
    Row::new(
        "reveal_symlinks",
        "reveal_symlinks",
        "Shows where symbolic links lead.",
        |cx, line, browse| browse.reveal_symlinks = line.flag(cx),
    ),
    Row::new(
        "sort",
        "sort name|namedirfirst|size|time [asc|desc]",
        "The order when the client asks for none.",
        |cx, line, browse| {
            const COLUMNS: &[(&str, &str)] = &[
                ("name", "name"),
                ("namedirfirst", "namedirfirst"),
                ("size", "size"),
                ("time", "time"),
            ];
            let Some((column, direction)) =
                line.list(cx, 1..=2).and_then(|words| words.split_first())
            else {
                return;
            };
            browse.sort = cx.one_of(column, "column", COLUMNS).map(str::to_owned);
            if let Some(word) = direction.first()
                && let Some(descending) =
                    cx.one_of(word, "direction", &[("asc", false), ("desc", true)])
            {
                browse.descending = descending;
            }
        },
    ),
    Row::new(
        "file_limit",
        "file_limit COUNT",
        "Entries read from one directory; 10000 by default.",
        |cx, line, browse| {
            let limit = line.number(cx, 1..=1_000_000);
            if let Some(limit) = limit.and_then(|limit| usize::try_from(limit).ok()) {
                browse.file_limit = limit;
            }
        },
    ),
];

/// `root`
pub(crate) fn root(cx: &mut Cx<'_>, line: &Line<'_>, body: &mut Body) {
    if let Some(word) = line.word(cx) {
        let root = cx.template(word);
        body.push(cx, line, Handler::Root(root));
    }
}

/// `file_server`
pub(crate) fn directive(cx: &mut Cx<'_>, line: &Line<'_>, body: &mut Body) {
    let Some((args, block)) = line.with_block(cx, 0..=1) else {
        return;
    };
    let mut server = FileServer {
        root: None,
        hide: Vec::new(),
        index: vec!["index.html".into(), "index.txt".into()],
        browse: None,
        precompressed: Vec::new(),
        status: None,
        pass_thru: false,
        canonical_uris: true,
        etag_file_extensions: Vec::new(),
    };
    if let Some(word) = args.first() {
        if cx
            .one_of(word, "argument of file_server", &[("browse", ())])
            .is_none()
        {
            return;
        }
        server.browse = Some(listing());
    }
    if let Some(block) = block {
        cx.run_block(block, KIND, OPTIONS, &mut server);
    }
    let configuration = cx.config_files.iter().map(|path| escaped(path));
    server.hide.extend(configuration);
    body.push(cx, line, Handler::FileServer(server));
}

fn listing() -> Browse {
    Browse {
        reveal_symlinks: false,
        sort: None,
        descending: false,
        file_limit: 10_000,
    }
}

/// A path in which nothing is a placeholder.
fn escaped(path: &str) -> Template {
    Template::parse(&path.replace('{', "\\{").replace('}', "\\}"))
}
