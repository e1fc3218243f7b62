//! Import lines: what they name is looked up and put in.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Diagnostic, Parser, Token};
use crate::caddyfile::files;
use crate::caddyfile::import::{self, Matches, Substitution, Target};
use crate::suggest::did_you_mean;

impl Parser<'_> {
    /// Reads an import line and puts in what it names.
    pub(super) fn import(&mut self, keyword: &Token) {
        let mut args: Vec<Token> = Vec::new();
        let mut block = None;
        let mut last = keyword.clone();
        while let Some(token) = self.next_on_line(&last) {
            if token.is_brace("{") {
                self.end_of_line_after(&token, "opening-brace", "after the opening brace");
                block = Some(self.raw_block(token.at));
                break;
            }
            if token.is_brace("}") {
                self.brace_in_line(token);
                break;
            }
            last = token.clone();
            args.push(token);
        }
        let Some((pattern, args)) = args
            .split_first()
            .filter(|(pattern, _)| !pattern.text.is_empty())
        else {
            self.say(
                keyword.at,
                Diagnostic::error(
                    "import-target",
                    "`import` needs the name of a snippet or a file",
                )
                .label("nothing to import")
                .hint("syntax: import SNIPPET|FILE|PATTERN [ARGUMENTS...]"),
            );
            return;
        };
        if let Some(open) = block
            .iter()
            .flatten()
            .next()
            .filter(|first| first.is_brace("{"))
        {
            self.say(
                open.at,
                Diagnostic::error(
                    "import-block",
                    "a block given to `import` must begin with a name",
                )
                .label("a brace without a name before it"),
            );
            return;
        }
        if let Some(body) = self.snippets.take(&pattern.text) {
            let target = Target::Snippet(Arc::clone(&pattern.text));
            let words = self.imported(keyword, pattern, target, &body, args, block.as_deref());
            self.put_in(words);
        } else {
            self.import_files(keyword, pattern, args, block.as_deref());
        }
    }

    fn import_files(
        &mut self,
        keyword: &Token,
        pattern: &Token,
        args: &[Token],
        block: Option<&[Token]>,
    ) {
        let folder = self.files.folder(keyword.at.span.file);
        let paths = match import::glob(&folder.real, &pattern.text) {
            Matches::Plain => vec![PathBuf::from(&*pattern.text)],
            Matches::Glob(paths) => {
                if paths.is_empty() {
                    self.say(
                        pattern.at,
                        Diagnostic::warning(
                            "import-empty",
                            format!("no file matches `{}`", pattern.text),
                        )
                        .label("imports nothing"),
                    );
                }
                paths
            }
            Matches::Refused => {
                self.say(
                    pattern.at,
                    Diagnostic::error(
                        "import-pattern",
                        format!("`{}` is not a file pattern", pattern.text),
                    )
                    .label("at most one `*` and one `?`, no `[`"),
                );
                return;
            }
        };
        let mut words = Vec::new();
        for path in paths {
            let real = normal(&folder.real.join(&path));
            let shown = normal(&folder.shown.join(&path));
            match self.files.open(self.report, self.env, &shown, &real) {
                Ok(tokens) => {
                    if tokens.is_empty() {
                        self.say(
                            pattern.at,
                            Diagnostic::warning(
                                "import-empty",
                                format!("`{}` has nothing in it", shown.display()),
                            )
                            .label("imports nothing"),
                        );
                    }
                    words.extend(self.imported(
                        keyword,
                        pattern,
                        Target::File(real),
                        &tokens,
                        args,
                        block,
                    ));
                }
                Err(files::ReadError::Missing) => {
                    let name = self.written(pattern);
                    let near = if self.report.is_full() {
                        String::new()
                    } else {
                        did_you_mean(&name, self.snippets.names())
                    };
                    self.say(
                        pattern.at,
                        Diagnostic::error(
                            "import-not-found",
                            format!("`{name}` is neither a snippet nor a file"),
                        )
                        .label(if pattern.expanded {
                            String::new()
                        } else {
                            format!("looked for `{}`", shown.display())
                        })
                        .hint(near)
                        .hint("a snippet must be defined before it is imported"),
                    );
                }
                Err(error) => self.say(
                    pattern.at,
                    Diagnostic::error(
                        "import-unreadable",
                        format!("`{}` {error}", shown.display()),
                    )
                    .label("cannot be imported"),
                ),
            }
        }
        self.put_in(words);
    }

    /// The words of one import, arguments put in; nothing after an error.
    fn imported(
        &mut self,
        keyword: &Token,
        pattern: &Token,
        target: Target,
        body: &[Token],
        args: &[Token],
        block: Option<&[Token]>,
    ) -> Vec<Token> {
        let place = keyword.at.to(pattern.at);
        if let Some(first) = self.imports.circle(place.import, &target) {
            self.say(
                place,
                Diagnostic::error("import-cycle", format!("`{}` imports itself", pattern.text))
                    .label("closes the circle")
                    .also(first.span, "first imported here"),
            );
            return Vec::new();
        }
        if !import::balanced(body) {
            if !self.files.truncated {
                self.say(
                    place,
                    Diagnostic::error(
                        "import-braces",
                        format!("the braces of `{}` do not match", pattern.text),
                    )
                    .label("what is imported must close every block it opens"),
                );
            }
            return Vec::new();
        }
        let Some(import) = self
            .imports
            .enter(place, Some(Arc::clone(&pattern.text)), target)
        else {
            self.give_up(Some(place));
            return Vec::new();
        };
        let Self {
            imports,
            text_left,
            words_left,
            ..
        } = self;
        let mut with = Substitution {
            args,
            block,
            import,
            budget: text_left,
            words: *words_left,
            enter_block: &mut |place| imports.enter(place, None, Target::Block),
        };
        let (words, problems) = import::substitute(body, &mut with);
        for problem in problems {
            match problem {
                import::Problem::NoSuchArgument(at, name) => {
                    let given = match args.len() {
                        0 => "the import gives no argument".to_owned(),
                        1 => "the import gives 1 argument".to_owned(),
                        n => format!("the import gives {n} arguments"),
                    };
                    self.say(
                        at,
                        Diagnostic::error(
                            "import-argument",
                            format!("`{name}` is not among the arguments of the import"),
                        )
                        .label(given)
                        .hint("the first argument is `{args[0]}`"),
                    );
                }
                import::Problem::TooLarge(at) => self.give_up(Some(at)),
            }
        }
        words
    }
}

/// A path without `.` elements, so that one file has one name.
fn normal(path: &Path) -> PathBuf {
    path.components()
        .filter(|part| !matches!(part, std::path::Component::CurDir))
        .collect()
}
