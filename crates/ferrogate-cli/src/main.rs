//! The `ferrogate` binary: commands, exit codes, and the allocator.
//!
//! stdout carries data, stderr prose. Exit codes: 0 done, 1 a configuration or a task that failed, 2 misuse.

mod args;
mod commands;
mod console;
mod remote;

use std::process::ExitCode;

use clap::Parser as _;

use crate::args::{Arguments, Command};
use crate::commands::{
    adapt, admin, completions, explain, fmt, hash_key, man, models, planned, providers, reload,
    run, status, validate, version,
};

/// jemalloc gives memory back; glibc's allocator and mimalloc keep what a burst of connections once took.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let result = match arguments.command {
        Command::Run(options) => run::run(&options),
        Command::Validate(options) => validate::run(&options),
        Command::Fmt(options) => fmt::run(&options),
        Command::Adapt(options) => adapt::run(&options),
        Command::Explain(options) => explain::run(&options),
        Command::HashKey(options) => hash_key::run(&options),
        Command::Models(options) => models::run(&options),
        Command::Providers(options) => providers::run(&options),
        Command::Reload(options) => reload::run(&options, &arguments.gateway),
        Command::Admin(options) => admin::run(&options, &arguments.gateway),
        Command::Status(options) => status::run(&options, &arguments.gateway),
        Command::Version => version::run(),
        Command::Completions(options) => completions::run(&options),
        Command::Man => man::run(),
        Command::Other(words) => planned::refuse(&words),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            failure.report();
            ExitCode::from(failure.code())
        }
    }
}
