//! Secrets: `{env.NAME}`, `{$NAME}`, `{file.PATH}`, or the text itself.

use std::path::Path;

use ferrogate_types::{Part, Placeholder, Secret, SecretOrigin, Template};

use crate::caddyfile::context::Cx;
use crate::caddyfile::files::read_text;
use crate::caddyfile::syntax::Token;
use crate::diagnostic::Diagnostic;

/// The largest file a secret is read from, in bytes.
const MAX_SECRET: usize = 1 << 20;

impl Cx<'_> {
    /// The secret that a word stands for; empty when its variable is not set.
    ///
    /// The word is hidden in every excerpt of the report.
    pub(crate) fn secret(&mut self, word: &Token) -> Option<Secret> {
        if let Some(name) = &word.variable {
            self.explained.insert(name.clone());
            return Some(Secret::new(
                &*word.text,
                SecretOrigin::Env(name.to_string()),
            ));
        }
        let template = Template::parse(&word.text);
        if let [Part::Placeholder(Placeholder::Env(name))] = template.parts() {
            return Some(Secret::new(
                (self.env)(name).unwrap_or_default(),
                SecretOrigin::Env(name.clone()),
            ));
        }
        if let [Part::Placeholder(Placeholder::File(path))] = template.parts() {
            return self
                .secret_file(word, path)
                .map(|text| Secret::new(text, SecretOrigin::File(path.clone())));
        }
        self.report.redact(word.at.span);
        let mut value = String::new();
        for part in template.parts() {
            match part {
                Part::Literal(text) => value.push_str(text),
                Part::Placeholder(Placeholder::Env(name)) => {
                    value.push_str(&(self.env)(name).unwrap_or_default());
                }
                Part::Placeholder(Placeholder::File(path)) => {
                    value.push_str(&self.secret_file(word, path)?);
                }
                Part::Placeholder(_) => {
                    self.say(
                        word.at,
                        Diagnostic::error(
                            "secret-placeholder",
                            "only `{env.NAME}` and `{file.PATH}` can stand in a secret",
                        )
                        .label("has another placeholder in it"),
                    );
                    return None;
                }
            }
        }
        Some(Secret::literal(value))
    }

    fn secret_file(&mut self, word: &Token, path: &str) -> Option<String> {
        let reason = match read_text(Path::new(path)) {
            Ok(text) if text.len() <= MAX_SECRET => {
                let text = text.strip_suffix('\n').unwrap_or(&text);
                return Some(text.strip_suffix('\r').unwrap_or(text).to_owned());
            }
            Ok(_) => "is too large for a secret".to_owned(),
            Err(error) => error.to_string(),
        };
        self.say(
            word.at,
            Diagnostic::error("secret-file", format!("file `{path}` {reason}"))
                .label("the secret is to be read from it"),
        );
        None
    }
}
