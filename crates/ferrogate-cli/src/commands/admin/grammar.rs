//! The command line of `ferrogate admin`, made of the table.

use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches, value_parser};

use super::resources::RESOURCES;
use super::verb::{Flag, Gives, Takes, Verb};
use crate::args::Adapter;

/// The words after `ferrogate admin`.
#[derive(Debug)]
pub(crate) struct AdminArguments {
    pub(super) matches: ArgMatches,
}

/// How an answer is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Shape {
    Table,
    Json,
    Yaml,
}

pub(super) const FORMAT: &str = "format";
pub(super) const ID: &str = "the-id";
pub(super) const FILE: &str = "the-file";
pub(super) const ADAPTER: &str = "adapter";
pub(super) const DATA: &str = "data";
pub(super) const SET: &str = "set";
pub(super) const LIMIT: &str = "limit";
pub(super) const CURSOR: &str = "cursor";
pub(super) const ALL: &str = "all";
pub(super) const IF_MATCH: &str = "if-match";

impl Args for AdminArguments {
    fn augment_args(command: Command) -> Command {
        let format = option(
            FORMAT,
            "FORMAT",
            "How to print; without it, a table on a terminal, else JSON",
        )
        .value_parser(value_parser!(Shape))
        .global(true);
        let resources = RESOURCES.iter().map(|resource| {
            let command = Command::new(resource.name).about(resource.about);
            match resource.verbs {
                [verb] if verb.name.is_empty() => arguments(command, verb),
                verbs => command
                    .subcommand_required(true)
                    .arg_required_else_help(true)
                    .subcommands(verbs.iter().map(|verb| {
                        let command = Command::new(verb.name).about(verb.about);
                        arguments(command, verb)
                    })),
            }
        });
        command
            .arg(format)
            .subcommand_required(true)
            .arg_required_else_help(true)
            .subcommands(resources)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for AdminArguments {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        Ok(Self {
            matches: matches.clone(),
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        self.matches = matches.clone();
        Ok(())
    }
}

impl AdminArguments {
    /// The verb that was written, with what was written behind it.
    pub(super) fn verb(&self) -> Option<(&'static Verb, &ArgMatches)> {
        let (resource, matches) = self.matches.subcommand()?;
        let resource = RESOURCES.iter().find(|known| known.name == resource)?;
        let (name, matches) = matches.subcommand().unwrap_or(("", matches));
        let verb = resource.verbs.iter().find(|verb| verb.name == name)?;
        Some((verb, matches))
    }
}

fn arguments(mut command: Command, verb: &'static Verb) -> Command {
    if verb.takes_id() {
        let id = Arg::new(ID).value_name(verb.id).required(true);
        command = command.arg(id.help("Which one"));
    }
    if verb.takes == Takes::Members {
        let data = option(
            DATA,
            "JSON",
            "The members as JSON; `@FILE` reads it from there, `-` from stdin",
        );
        let set = option(
            SET,
            "NAME=VALUE",
            "One member, which wins over that of `--data`; lists have commas, `null` takes away; repeatable",
        );
        command = command
            .arg(data.short('d'))
            .arg(set.action(ArgAction::Append));
    }
    if matches!(verb.takes, Takes::File | Takes::FileOrOwn) {
        let file = Arg::new(FILE)
            .value_name("FILE")
            .value_parser(value_parser!(PathBuf))
            .required(verb.takes == Takes::File);
        let help = if verb.takes == Takes::File {
            "The configuration; `-` for stdin"
        } else {
            "The configuration, `-` for stdin; without it, the file the gateway was started with"
        };
        let adapter = option(ADAPTER, "NAME", "Its language, when its name does not tell");
        command = command
            .arg(file.help(help))
            .arg(adapter.value_parser(value_parser!(Adapter)));
    }
    command = command.args(verb.members.iter().chain(verb.filters).map(flag));
    if matches!(verb.gives, Gives::List(_)) {
        let limit = option(
            LIMIT,
            "N",
            "At most this many rows; the list may give fewer",
        );
        let cursor = option(CURSOR, "CURSOR", "Go on behind the page that told this");
        let all = Arg::new(ALL)
            .long(ALL)
            .help("Every page, one after the other")
            .action(ArgAction::SetTrue)
            .conflicts_with(CURSOR);
        command = command
            .arg(limit.value_parser(value_parser!(u32).range(1..)))
            .arg(cursor)
            .arg(all);
    }
    if verb.is_conditional() {
        let help = "Only if it is still at this version (`ETag`); 412 when somebody was faster";
        command = command.arg(option(IF_MATCH, "VERSION", help));
    }
    command
}

fn option(name: &'static str, value: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).value_name(value).help(help)
}

fn flag(flag: &'static Flag) -> Arg {
    option(flag.flag, "VALUE", flag.about).required(flag.required)
}
