//! Searches for files, in the `file` matcher and in `try_files`.

use ferrogate_types::Template;
use ferrogate_types::route::{FileMatch, Handler, Matcher, TryPolicy};

use super::Conditions;
use crate::caddyfile::body::Body;
use crate::caddyfile::context::Cx;
use crate::caddyfile::line::Line;
use crate::caddyfile::syntax::Token;
use crate::caddyfile::table::{Kind, Row};
use crate::diagnostic::Diagnostic;

const KIND: Kind = Kind {
    noun: "option",
    place: "in `file`",
};
const TRY_KIND: Kind = Kind {
    noun: "option",
    place: "in `try_files`",
};

/// Every option of the `file` matcher.
pub(crate) const FILE_OPTIONS: &[Row<FileMatch>] = &[
    Row::new(
        "root",
        "root PATH",
        "Where the names are looked up; the variable `root` by default.",
        |cx, line, found| {
            found.root = line.word(cx).map(|word| cx.template(word));
        },
    ),
    Row::many(
        "try_files",
        "try_files FILE... [=STATUS]",
        "Names in order; one that ends in a slash is a directory.",
        |cx, line, found| {
            if let Some(words) = line.list(cx, 1..=999) {
                candidates(cx, words, found);
            }
        },
    ),
    Row::new(
        "try_policy",
        "try_policy first_exist|first_exist_fallback|smallest_size|largest_size|most_recently_modified",
        "Which of those that exist is taken.",
        |cx, line, found| {
            if let Some(policy) = policy(cx, line) {
                found.policy = policy;
            }
        },
    ),
    Row::many(
        "split_path",
        "split_path DELIMITER...",
        "What follows one of these in a name is not part of the file.",
        |cx, line, found| {
            let words = line.list(cx, 1..=99).unwrap_or_default();
            found
                .split_path
                .extend(words.iter().map(|word| word.text.to_string()));
        },
    ),
    Row::instead(
        "fs",
        "there are no file systems to choose from",
        "leave it out; files are looked up on the disk",
    ),
];

/// Every option of `try_files`.
pub(crate) const TRY_FILES_OPTIONS: &[Row<FileMatch>] = &[Row::new(
    "policy",
    "policy first_exist|first_exist_fallback|smallest_size|largest_size|most_recently_modified",
    "Which of those that exist is taken.",
    |cx, line, found| {
        if let Some(policy) = policy(cx, line) {
            found.policy = policy;
        }
    },
)];

/// `file`
pub(super) fn matcher(cx: &mut Cx<'_>, line: &Line<'_>, out: &mut Conditions) {
    let Some((args, block)) = line.with_block(cx, 0..=999) else {
        return;
    };
    let mut found = search(TryPolicy::FirstExist);
    candidates(cx, args, &mut found);
    if let Some(block) = block {
        cx.run_block(block, KIND, FILE_OPTIONS, &mut found);
    }
    if found.files.is_empty() {
        found.files.push(Template::parse("{path}"));
    }
    out.push(Matcher::File(found));
}

/// `try_files`
pub(crate) fn try_files(cx: &mut Cx<'_>, line: &Line<'_>, body: &mut Body) {
    let Some((args, block)) = line.with_block(cx, 1..=999) else {
        return;
    };
    if let Some(first) = args.first().filter(|first| first.text.starts_with('@')) {
        let shown = cx.shown(first);
        cx.say(
            first.at,
            Diagnostic::warning("try-files-matcher", "`try_files` takes no matcher")
                .label(format!("`{shown}` is taken as the name of a file"))
                .hint(format!(
                    "write `handle {shown} {{ ... }}` or `route {shown} {{ ... }}` around it"
                )),
        );
    }
    let mut found = search(TryPolicy::FirstExistFallback);
    candidates(cx, args, &mut found);
    if let Some(block) = block {
        cx.run_block(block, TRY_KIND, TRY_FILES_OPTIONS, &mut found);
    }
    body.push(cx, line, Handler::TryFiles(found));
}

fn search(policy: TryPolicy) -> FileMatch {
    FileMatch {
        root: None,
        files: Vec::new(),
        policy,
        otherwise: None,
        split_path: Vec::new(),
    }
}

/// Takes file names, and a status in the last place.
fn candidates(cx: &mut Cx<'_>, words: &[Token], found: &mut FileMatch) {
    for (index, word) in words.iter().enumerate() {
        let code = word
            .text
            .strip_prefix('=')
            .filter(|code| code.len() == 3)
            .and_then(|code| code.parse::<u16>().ok());
        match code {
            None => found.files.push(cx.template(word)),
            Some(code) if index + 1 == words.len() && (400..=599).contains(&code) => {
                found.otherwise = Some(code);
            }
            Some(_) => {
                let shown = cx.shown(word);
                cx.say(
                    word.at,
                    Diagnostic::error("invalid-status", format!("`{shown}` cannot stand here"))
                        .label("an error status, 400 to 599, in the last place"),
                );
            }
        }
    }
}

fn policy(cx: &mut Cx<'_>, line: &Line<'_>) -> Option<TryPolicy> {
    const POLICIES: &[(&str, TryPolicy)] = &[
        ("first_exist", TryPolicy::FirstExist),
        ("first_exist_fallback", TryPolicy::FirstExistFallback),
        ("smallest_size", TryPolicy::SmallestSize),
        ("largest_size", TryPolicy::LargestSize),
        ("most_recently_modified", TryPolicy::MostRecentlyModified),
    ];
    let word = line.word(cx)?;
    cx.one_of(word, "policy", POLICIES)
}
