//! `ferrogate man`
//!
//! The page is made of the parser, like the help and the completion. What is written here is the layout: man(7).

use clap::{Arg, Command, CommandFactory as _};

use crate::args::Arguments;
use crate::console::{Outcome, print};

/// Prints the manual page.
pub(crate) fn run() -> Outcome {
    print(&page(&Arguments::command()))
}

fn page(root: &Command) -> String {
    let name = root.get_name();
    let about = about(root);
    let mut lines = vec![
        format!(".TH {} 1", name.to_uppercase()),
        section("NAME"),
        format!("{name} \\- {}", escaped(&about)),
        section("SYNOPSIS"),
        format!(".B {name}"),
        "[options] command [arguments]".to_owned(),
        section("OPTIONS"),
    ];
    lines.extend(root.get_arguments().flat_map(argument));
    lines.push(section("COMMANDS"));
    for command in root.get_subcommands() {
        commands(&mut lines, name, command);
    }
    lines.push(section("ENVIRONMENT"));
    let mut variables = Vec::new();
    collect(&mut variables, name, root);
    for (variable, place) in variables {
        lines.push(format!(".TP\n.B {}", escaped(&variable)));
        lines.push(escaped(&format!("In place of {place}.")));
    }
    lines.push(section("EXIT STATUS"));
    for (code, meaning) in CODES {
        lines.push(format!(".TP\n.B {code}\n{}", escaped(meaning)));
    }
    lines.join("\n") + "\n"
}

const CODES: [(&str, &str); 3] = [
    ("0", "Done."),
    (
        "1",
        "Failed or refused: a configuration that is wrong, a gateway that is not there, not ready, or does not do it.",
    ),
    ("2", "Misused: an unknown flag, command or value."),
];

/// Adds a command, and those below it.
fn commands(lines: &mut Vec<String>, path: &str, command: &Command) {
    let path = format!("{path} {}", command.get_name());
    let below: Vec<&Command> = command.get_subcommands().collect();
    let positional = command.get_positionals().map(|argument| {
        let name = value(argument);
        if argument.is_required_set() {
            name
        } else {
            format!("[{name}]")
        }
    });
    let words: Vec<String> = std::iter::once(path.clone()).chain(positional).collect();
    lines.push(format!(".SS \"{}\"", escaped(&words.join(" "))));
    lines.push(escaped(&about(command)) + ".");
    let arguments = command
        .get_arguments()
        .filter(|argument| !argument.is_hide_set());
    lines.extend(arguments.flat_map(argument));
    for command in below {
        commands(lines, &path, command);
    }
}

/// A flag or a word, with what it is for.
fn argument(argument: &Arg) -> Vec<String> {
    let short = argument.get_short().map(|short| format!("-{short}"));
    let long = argument.get_long().map(|long| format!("--{long}"));
    let flags: Vec<String> = short.into_iter().chain(long).collect();
    let takes_value = argument.get_action().takes_values();
    let words = match (flags.is_empty(), takes_value) {
        (true, _) => value(argument),
        (false, true) => format!("{} {}", flags.join(", "), value(argument)),
        (false, false) => flags.join(", "),
    };
    let mut help = argument
        .get_help()
        .map(ToString::to_string)
        .unwrap_or_default();
    let possible = argument.get_possible_values();
    if takes_value && !possible.is_empty() {
        let names: Vec<&str> = possible
            .iter()
            .map(clap::builder::PossibleValue::get_name)
            .collect();
        help = format!("{help}: {}", names.join(", "));
    }
    vec![format!(".TP\n.B {}", escaped(&words)), escaped(&help) + "."]
}

fn value(argument: &Arg) -> String {
    let named = argument.get_value_names().and_then(<[_]>::first);
    named.map_or_else(
        || argument.get_id().as_str().to_uppercase(),
        ToString::to_string,
    )
}

/// Variables that stand for a flag, each once, with where it is.
fn collect(variables: &mut Vec<(String, String)>, path: &str, command: &Command) {
    for argument in command.get_arguments() {
        let (Some(variable), Some(long)) = (argument.get_env(), argument.get_long()) else {
            continue;
        };
        let variable = variable.to_string_lossy().into_owned();
        if !variables.iter().any(|(known, _)| *known == variable) {
            variables.push((variable, format!("`--{long}` of `{path}`")));
        }
    }
    for below in command.get_subcommands() {
        let path = format!("{path} {}", below.get_name());
        collect(variables, &path, below);
    }
}

fn about(command: &Command) -> String {
    command
        .get_about()
        .map(ToString::to_string)
        .unwrap_or_default()
}

fn section(name: &str) -> String {
    format!(".SH {name}")
}

/// A text in which nothing is a request: no line begins with a control character, and a dash is one that can be
/// copied.
fn escaped(text: &str) -> String {
    let text = text
        .replace('\\', "\\e")
        .replace('-', "\\-")
        .replace('`', "\\(ga");
    let lines = text.lines().map(|line| match line.chars().next() {
        Some('.' | '\'') => format!("\\&{line}"),
        _ => line.to_owned(),
    });
    lines.collect::<Vec<_>>().join("\n")
}
