//! Names of scopes.

use ferrogate_types::Scope;

use crate::caddyfile::context::Cx;
use crate::caddyfile::syntax::Token;
use crate::diagnostic::Diagnostic;
use crate::suggest::did_you_mean;

/// The scopes that words name; `*` is all of them.
pub(super) fn read(cx: &mut Cx<'_>, words: &[Token]) -> Vec<Scope> {
    let mut scopes = Vec::new();
    for word in words {
        if &*word.text == "*" {
            scopes.extend_from_slice(Scope::ALL);
        } else if let Ok(scope) = word.text.parse::<Scope>() {
            scopes.push(scope);
        } else {
            let shown = cx.shown(word);
            let hint = match did_you_mean(&shown, Scope::ALL.iter().map(|scope| scope.as_str())) {
                hint if hint.is_empty() => {
                    let names: Vec<&str> = Scope::ALL.iter().map(|scope| scope.as_str()).collect();
                    format!("scopes: {}, or *", names.join(", "))
                }
                hint => hint,
            };
            cx.say(
                word.at,
                Diagnostic::error("unknown-scope", format!("unknown scope `{shown}`"))
                    .label("not a permission")
                    .hint(hint),
            );
        }
    }
    scopes
}
