//! The check of a parsed expression, in which matcher calls and regular expressions are taken out.

use cel::IdedExpr;
use cel::common::ast::{CallExpr, EntryExpr, Expr, LiteralValue};
use cel::common::types::CelInt;
use cel::parser::Parser;
use ferrogate_types::route::Matcher;
use regex::Regex;

use crate::Expression;
use crate::call::{self, MATCHER_FUNCTIONS};
use crate::error::ExpressionError;
use crate::source::{MATCHER, PLACEHOLDER, take_placeholders};

/// The name under which a regular expression is asked, by its number.
pub(crate) const MATCHES: &str = "__matches";

/// How deep the parser may go, in its own count: several levels for each operator.
const MAX_RECURSION: u16 = 64;

/// How deep the tree may be: chains of operators nest without brackets.
const MAX_DEPTH: usize = 400;

/// What may be called, besides matchers: operators, conversions, and functions of texts.
const FUNCTIONS: &[&str] = &[
    "_?_:_",
    "_&&_",
    "_||_",
    "!_",
    "_-_",
    "_+_",
    "_*_",
    "_/_",
    "_%_",
    "_==_",
    "_!=_",
    "_>=_",
    "_<=_",
    "_>_",
    "_<_",
    "-_",
    "_[_]",
    "@in",
    "@not_strictly_false",
    "bool",
    "charAt",
    "contains",
    "double",
    "endsWith",
    "indexOf",
    "int",
    "lastIndexOf",
    "lowerAscii",
    "size",
    "startsWith",
    "string",
    "substring",
    "trim",
    "upperAscii",
];

/// Operators that never give a truth value.
const ARITHMETIC: &[&str] = &["_-_", "_+_", "_*_", "_/_", "_%_", "-_"];

impl Expression {
    /// Reads and checks an expression.
    pub fn parse(source: &str) -> Result<Self, ExpressionError> {
        let (text, placeholders) = take_placeholders(source)?;
        let mut tree = Parser::new()
            .max_recursion_depth(MAX_RECURSION)
            .parse(&text)
            .map_err(|errors| {
                let first = errors.errors.first();
                let message = first.map(|error| error.msg.clone()).unwrap_or_default();
                ExpressionError::Syntax(message)
            })?;
        let mut check = Check::default();
        check.visit(&mut tree, 0)?;
        gives_truth(&tree.expr)?;
        Ok(Self {
            tree,
            placeholders,
            matchers: check.matchers,
            regexes: check.regexes.into(),
        })
    }
}

#[derive(Default)]
struct Check {
    matchers: Vec<Matcher>,
    regexes: Vec<Regex>,
    /// The variables of the loop around.
    loop_variables: Vec<String>,
}

impl Check {
    fn visit(&mut self, node: &mut IdedExpr, depth: usize) -> Result<(), ExpressionError> {
        if depth > MAX_DEPTH {
            return Err(ExpressionError::TooDeep);
        }
        let depth = depth + 1;
        if let Some(replacement) = self.taken_out(&node.expr)? {
            node.expr = replacement;
        }
        match &mut node.expr {
            Expr::Unspecified | Expr::Literal(_) => Ok(()),
            Expr::Ident(name) => self.name(name),
            Expr::Call(call) => {
                let known = call.func_name == MATCHES || FUNCTIONS.contains(&&*call.func_name);
                if !known {
                    return Err(ExpressionError::UnknownFunction(call.func_name.clone()));
                }
                let target = call.target.as_deref_mut();
                target
                    .into_iter()
                    .chain(&mut call.args)
                    .try_for_each(|argument| self.visit(argument, depth))
            }
            Expr::List(list) => list
                .elements
                .iter_mut()
                .try_for_each(|element| self.visit(element, depth)),
            Expr::Map(map) => map
                .entries
                .iter_mut()
                .try_for_each(|entry| match &mut entry.expr {
                    EntryExpr::MapEntry(entry) => {
                        self.visit(&mut entry.key, depth)?;
                        self.visit(&mut entry.value, depth)
                    }
                    EntryExpr::StructField(_) => Err(ExpressionError::Unsupported("messages")),
                }),
            Expr::Select(select) => self.visit(&mut select.operand, depth),
            Expr::Struct(_) => Err(ExpressionError::Unsupported("messages")),
            Expr::Comprehension(each) => {
                if !self.loop_variables.is_empty() {
                    return Err(ExpressionError::Unsupported("loops inside loops"));
                }
                self.visit(&mut each.iter_range, depth)?;
                self.loop_variables = vec![each.iter_var.clone(), each.accu_var.clone()];
                for part in [
                    &mut each.accu_init,
                    &mut each.loop_cond,
                    &mut each.loop_step,
                    &mut each.result,
                ] {
                    self.visit(part, depth)?;
                }
                self.loop_variables.clear();
                Ok(())
            }
        }
    }

    fn name(&self, name: &str) -> Result<(), ExpressionError> {
        let is_ours = name.starts_with(PLACEHOLDER) || name.starts_with(MATCHER);
        if is_ours || self.loop_variables.iter().any(|known| known == name) {
            return Ok(());
        }
        Err(ExpressionError::UnknownName(name.to_owned()))
    }

    /// What stands for a call that is prepared at load.
    fn taken_out(&mut self, expr: &Expr) -> Result<Option<Expr>, ExpressionError> {
        let Expr::Call(call) = expr else {
            return Ok(None);
        };
        if call.target.is_none() && MATCHER_FUNCTIONS.contains(&&*call.func_name) {
            let matcher = call::matcher(&call.func_name, &call.args).map_err(|problem| {
                ExpressionError::Arguments {
                    function: call.func_name.clone(),
                    problem,
                }
            })?;
            self.matchers.push(matcher);
            let name = format!("{MATCHER}{}", self.matchers.len() - 1);
            return Ok(Some(Expr::Ident(name)));
        }
        if call.func_name != "matches" {
            return Ok(None);
        }
        let (subject, pattern) = match (&call.target, &*call.args) {
            (Some(subject), [pattern]) => (&**subject, pattern),
            (None, [subject, pattern]) => (subject, pattern),
            _ => return Err(arguments("takes a text and a regular expression")),
        };
        let pattern =
            call::text(pattern).ok_or_else(|| arguments("needs its expression written out"))?;
        let regex = Regex::new(pattern)
            .map_err(|_| arguments(&format!("has an invalid expression `{pattern}`")))?;
        self.regexes.push(regex);
        let number = i64::try_from(self.regexes.len() - 1).unwrap_or(i64::MAX);
        let number = IdedExpr {
            id: pattern_id(call),
            expr: Expr::Literal(LiteralValue::Int(CelInt::from(number))),
        };
        Ok(Some(Expr::Call(CallExpr {
            func_name: MATCHES.to_owned(),
            target: None,
            args: vec![subject.clone(), number],
        })))
    }
}

fn pattern_id(call: &CallExpr) -> u64 {
    call.args.last().map_or(0, |argument| argument.id)
}

fn arguments(problem: &str) -> ExpressionError {
    ExpressionError::Arguments {
        function: "matches".to_owned(),
        problem: problem.to_owned(),
    }
}

/// Refuses what can never be true or false.
fn gives_truth(expr: &Expr) -> Result<(), ExpressionError> {
    Err(ExpressionError::NoCondition(match expr {
        Expr::Literal(LiteralValue::Boolean(_)) => return Ok(()),
        Expr::Literal(LiteralValue::String(_)) => "a text",
        Expr::Literal(_) => "a constant",
        Expr::List(_) => "a list",
        Expr::Map(_) => "a map",
        Expr::Call(call) if ARITHMETIC.contains(&&*call.func_name) => "a number or text",
        Expr::Call(call)
            if ["size", "int", "double", "indexOf", "lastIndexOf"].contains(&&*call.func_name) =>
        {
            "a number"
        }
        Expr::Call(call)
            if [
                "string",
                "lowerAscii",
                "upperAscii",
                "trim",
                "substring",
                "charAt",
            ]
            .contains(&&*call.func_name) =>
        {
            "a text"
        }
        _ => return Ok(()),
    }))
}
