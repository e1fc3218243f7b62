//! Reading files into words.

use std::collections::HashMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::lexer::{self, LexErrorKind, Lexed, Quote};
use super::syntax::{ImportId, Place, Token};
use super::variables;
use crate::diagnostic::Diagnostic;
use crate::report::Report;
use crate::source::{FileId, Span};

/// The largest file in bytes.
pub(crate) const MAX_FILE: u64 = 10 << 20;
/// What all files and their variables may add up to, in bytes.
const MAX_TOTAL: usize = 64 << 20;

/// The files of one load: their words, and the variables they name.
#[derive(Default)]
pub(crate) struct Files {
    /// The file that was read first, which nothing imports.
    main: Option<PathBuf>,
    read: HashMap<PathBuf, Arc<[Token]>>,
    folders: HashMap<FileId, Folder>,
    variables: Vec<UnsetVariable>,
    total: usize,
    /// Some file ends inside a quoted text, so nothing is said about missing braces.
    pub(crate) truncated: bool,
}

/// The folder of a file: as the system sees it, and as diagnostics name it.
#[derive(Clone, Debug)]
pub(crate) struct Folder {
    pub(crate) real: PathBuf,
    pub(crate) shown: PathBuf,
}

/// A variable without value and default, outside comments.
#[derive(Clone, Debug)]
pub(crate) struct UnsetVariable {
    pub(crate) name: Arc<str>,
    pub(crate) span: Span,
}

/// Why a file was not read.
pub(crate) enum ReadError {
    /// It does not exist.
    Missing,
    /// It is a directory.
    Directory,
    /// It is larger than [`MAX_FILE`].
    TooLarge,
    /// It is not UTF-8; counted from 1, the line of the first byte that is none.
    NotText(usize),
    /// The system says no.
    Other(std::io::Error),
}

impl Files {
    /// The words of a text, which is kept under `shown` for diagnostics.
    pub(crate) fn words(
        &mut self,
        report: &mut Report,
        env: &dyn Fn(&str) -> Option<String>,
        shown: &Path,
        real: &Path,
        text: String,
    ) -> Arc<[Token]> {
        let file = report.sources_mut().add(shown.display().to_string(), text);
        self.main.get_or_insert_with(|| real.to_owned());
        let parent = |path: &Path| path.parent().unwrap_or(Path::new("")).to_owned();
        self.folders.insert(
            file,
            Folder {
                real: parent(real),
                shown: parent(shown),
            },
        );
        let whole = Span::new(file, 0, usize::MAX);
        let text = report.sources().text_of(file);
        let left = MAX_TOTAL.saturating_sub(self.total);
        let Ok(expanded) = variables::expand(text, env, left) else {
            report.push(too_large(Span { end: 0, ..whole }));
            return Arc::new([]);
        };
        self.total += expanded.text.len();
        let Lexed {
            words,
            comments,
            errors,
            truncated,
        } = lexer::lex(&expanded.text);
        self.truncated |= truncated;
        let span = |range: &std::ops::Range<usize>| {
            let original = expanded.original(range);
            Span::new(file, original.start, original.end)
        };
        for error in errors {
            report.push(lex_diagnostic(&error.kind).at(span(&error.range)));
        }
        for variable in expanded.uses.iter().filter(|variable| variable.unset) {
            let at = variable.expanded.start;
            let next = comments.partition_point(|comment| comment.start <= at);
            if next
                .checked_sub(1)
                .and_then(|index| comments.get(index))
                .is_none_or(|comment| comment.end < at)
            {
                let span = Span::new(file, variable.range.start, variable.range.end);
                self.variables.push(UnsetVariable {
                    name: variable.name.clone(),
                    span,
                });
            }
        }
        words
            .into_iter()
            .map(|word| Token {
                variable: expanded
                    .whole(&word.range, word.quote != Quote::None)
                    .map(|variable| variable.name.clone()),
                expanded: expanded.touched(&word.range),
                at: Place {
                    span: span(&word.range),
                    import: ImportId::MAIN,
                },
                text: word.text.into(),
                quote: word.quote,
                line: word.line,
            })
            .collect()
    }

    /// The words of a file, read once.
    pub(crate) fn open(
        &mut self,
        report: &mut Report,
        env: &dyn Fn(&str) -> Option<String>,
        shown: &Path,
        real: &Path,
    ) -> Result<Arc<[Token]>, ReadError> {
        if let Some(words) = self.read.get(real) {
            return Ok(Arc::clone(words));
        }
        let text = read_text(real)?;
        let words = self.words(report, env, shown, real, text);
        self.read.insert(real.to_owned(), Arc::clone(&words));
        Ok(words)
    }

    /// The absolute paths of all files read, sorted.
    pub(crate) fn paths(&self) -> Vec<String> {
        let absolute = |path: &PathBuf| {
            std::path::absolute(path)
                .ok()?
                .into_os_string()
                .into_string()
                .ok()
        };
        let mut paths: Vec<String> = self
            .main
            .iter()
            .chain(self.read.keys())
            .filter_map(absolute)
            .collect();
        paths.sort();
        paths
    }

    /// The folder of a file.
    pub(crate) fn folder(&self, file: FileId) -> Folder {
        self.folders.get(&file).cloned().unwrap_or(Folder {
            real: PathBuf::new(),
            shown: PathBuf::new(),
        })
    }

    /// Variables without value and default, in the order read.
    pub(crate) fn unset_variables(&self) -> &[UnsetVariable] {
        &self.variables
    }
}

/// Reads a text file of at most [`MAX_FILE`] bytes.
pub(crate) fn read_text(path: &Path) -> Result<String, ReadError> {
    let file = std::fs::File::open(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => ReadError::Missing,
        _ => ReadError::Other(error),
    })?;
    if file.metadata().is_ok_and(|metadata| metadata.is_dir()) {
        return Err(ReadError::Directory);
    }
    let mut bytes = Vec::new();
    file.take(MAX_FILE + 1)
        .read_to_end(&mut bytes)
        .map_err(ReadError::Other)?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(ReadError::TooLarge);
    }
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let before = error.as_bytes().iter().take(valid);
        ReadError::NotText(before.filter(|byte| **byte == b'\n').count() + 1)
    })
}

impl ReadError {
    /// What to do about a configuration file that is not read for this reason.
    pub(crate) fn hint(&self) -> &'static str {
        match self {
            Self::NotText(_) => "save it as UTF-8, without compression",
            _ => "name another one with `--config FILE`",
        }
    }
}

impl std::fmt::Display for ReadError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Missing => f.write_str("does not exist"),
            Self::Directory => f.write_str("is a directory"),
            Self::TooLarge => write!(f, "is larger than {} MiB", MAX_FILE >> 20),
            Self::NotText(line) => write!(f, "is not UTF-8 text, as line {line} shows"),
            Self::Other(error) => write!(f, "cannot be read: {error}"),
        }
    }
}

pub(crate) fn too_large(span: Span) -> Diagnostic {
    Diagnostic::error(
        "too-large",
        "the configuration is too large once variables and imports are put in",
    )
    .at(span)
    .label("the limit is reached here")
}

fn lex_diagnostic(kind: &LexErrorKind) -> Diagnostic {
    match kind {
        LexErrorKind::Unterminated(quote) => {
            Diagnostic::error("unterminated-quote", format!("this {quote} has no partner"))
                .label("the quoted text begins here and never ends")
        }
        LexErrorKind::StrayBackslash => {
            Diagnostic::error("stray-backslash", "a backslash at the end of a word means nothing")
                .label("neither a line end nor a character follows")
                .hint("to continue a line, let the backslash be its last character; to write one, quote the word")
        }
        LexErrorKind::HeredocNoMarker => {
            Diagnostic::error("heredoc-marker", "`<<` needs a marker").label("write for instance `<<EOF`")
        }
        LexErrorKind::HeredocMarker(marker) => {
            Diagnostic::error("heredoc-marker", format!("`{marker}` cannot be a heredoc marker"))
                .label("only letters, digits, `-` and `_`")
        }
        LexErrorKind::HeredocOpen(marker) => {
            Diagnostic::error("heredoc-open", format!("the heredoc has no closing `{marker}`")).label("it begins here")
        }
        LexErrorKind::TooManyWords => Diagnostic::error("too-large", "the file has too many words")
            .label("nothing beyond this place is read"),
        LexErrorKind::HeredocIndent => {
            Diagnostic::error("heredoc-indent", "this line of the heredoc is indented less than its closing marker")
                .label("must begin with the same blanks as the closing marker")
        }
    }
}
