//! Flags and subcommands.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::commands::admin::AdminArguments;

/// An edge gateway and control point for LLM traffic, configured by a Caddyfile.
#[derive(Debug, Parser)]
#[command(name = "ferrogate", version, disable_help_subcommand = true)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) gateway: GatewayOptions,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve until SIGTERM or SIGINT
    Run(RunOptions),
    /// Check a configuration as a start would, without opening a socket
    Validate(ValidateOptions),
    /// Format a Caddyfile
    Fmt(FmtOptions),
    /// Print the resolved configuration
    Adapt(AdaptOptions),
    /// Show which site and handlers a request would meet, and why
    Explain(ExplainOptions),
    /// Hash a secret for `key_hash`
    HashKey(HashKeyOptions),
    /// List the models of the embedded catalog, with sizes and prices
    Models(ModelsOptions),
    /// List the kinds of providers, with the variables that enable them
    Providers(ProvidersOptions),
    /// Give a running gateway another configuration
    ///
    /// With `--admin-url` the file is sent there, or the gateway reads its own file again where `--config` is not given.
    /// Without, the file is only checked. A refusal changes nothing, and exits with 1.
    Reload(ReloadOptions),
    /// Read and change what a running gateway has: keys, budgets, configuration, logs
    Admin(AdminArguments),
    /// Tell how a running gateway is; exit with 1 when it is not ready
    Status(StatusOptions),
    /// Print version and build
    Version,
    /// Print a shell completion script
    Completions(CompletionsOptions),
    /// Print the manual page, for `man -l -`
    Man,
    #[command(external_subcommand)]
    Other(Vec<OsString>),
}

/// Where `admin`, `reload` and `status` find a gateway; every command takes them, so that their place does not matter.
#[derive(Debug, Args)]
pub(crate) struct GatewayOptions {
    /// The running gateway that `admin`, `reload` and `status` ask; `admin` and `status` try
    /// `http://127.0.0.1:2019` without it
    #[arg(
        long,
        value_name = "URL",
        env = "FERROGATE_URL",
        hide_env_values = true,
        global = true,
        help_heading = "Running gateway"
    )]
    pub(crate) gateway_url: Option<String>,
    /// The key to show it; in the variable no process list tells it
    #[arg(
        long,
        value_name = "KEY",
        env = "FERROGATE_API_KEY",
        hide_env_values = true,
        global = true,
        help_heading = "Running gateway"
    )]
    pub(crate) api_key: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ConfigOptions {
    /// The configuration file; without it `Ferrogate/Caddyfile`, then `Caddyfile`
    #[arg(short, long, value_name = "FILE", env = "FERROGATE_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// The language of the file, when its name does not tell
    #[arg(long, value_name = "NAME")]
    pub(crate) adapter: Option<Adapter>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Adapter {
    Caddyfile,
    Toml,
}

#[derive(Debug, Args)]
pub(crate) struct RunOptions {
    #[command(flatten)]
    pub(crate) config: ConfigOptions,
    /// Reload when the file changes (not available yet)
    #[arg(long, hide = true)]
    pub(crate) watch: bool,
    /// Take over from a running process (not available yet)
    #[arg(long, hide = true)]
    pub(crate) upgrade: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Text,
    Json,
}

#[derive(Debug, Args)]
pub(crate) struct ValidateOptions {
    #[command(flatten)]
    pub(crate) config: ConfigOptions,
    /// For people or for machines
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct FmtOptions {
    /// Exit with 1 when the file is not formatted; print nothing
    #[arg(long, conflicts_with_all = ["overwrite", "diff"])]
    pub(crate) check: bool,
    /// Write the result back
    #[arg(short = 'w', long, conflicts_with = "diff")]
    pub(crate) overwrite: bool,
    /// Print the lines that would change
    #[arg(short, long)]
    pub(crate) diff: bool,
    /// The file, or `-` for stdin; without it the default configuration
    #[arg(value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct AdaptOptions {
    #[command(flatten)]
    pub(crate) config: ConfigOptions,
    /// What to read: `caddyfile`, `toml`, `ferro-labs` (`litellm` is not available yet)
    #[arg(long, value_name = "NAME", conflicts_with = "adapter")]
    pub(crate) from: Option<String>,
    /// What to print: `json`; `caddyfile` with `--from ferro-labs`
    #[arg(long, value_name = "NAME", default_value = "json")]
    pub(crate) to: String,
}

#[derive(Debug, Args)]
pub(crate) struct ExplainOptions {
    #[command(flatten)]
    pub(crate) config: ConfigOptions,
    /// The method
    #[arg(value_name = "METHOD")]
    pub(crate) method: String,
    /// The URL, as a client would write it
    #[arg(value_name = "URL")]
    pub(crate) url: String,
    /// A header, `Name: value`; repeatable
    #[arg(short = 'H', long = "header", value_name = "HEADER")]
    pub(crate) headers: Vec<String>,
    /// The body of a model call; `@FILE` reads it from there
    #[arg(short = 'd', long = "data", value_name = "BODY")]
    pub(crate) data: Option<String>,
    /// The id of the key that a model call would show
    #[arg(long, value_name = "ID")]
    pub(crate) key: Option<String>,
    /// For people or for machines
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct HashKeyOptions {
    /// The secret; without it, or as `-`, it is read from stdin, where no process list shows it
    #[arg(
        long,
        value_name = "SECRET",
        env = "FERROGATE_KEY_SECRET",
        hide_env_values = true
    )]
    pub(crate) secret: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ModelsOptions {
    /// Only models with this in their id, alias or provider
    #[arg(long, value_name = "TEXT")]
    pub(crate) search: Option<String>,
    /// Only models of this provider
    #[arg(long, value_name = "KIND")]
    pub(crate) provider: Option<String>,
    /// A catalog to lay over the embedded one, as `price_catalog` does
    #[arg(long, value_name = "FILE")]
    pub(crate) catalog: Option<PathBuf>,
    /// For people or for machines
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct ProvidersOptions {
    /// For people or for machines
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct ReloadOptions {
    #[command(flatten)]
    pub(crate) checked: ValidateOptions,
    /// The running gateway; like `--gateway-url`, which is also taken
    #[arg(
        long,
        value_name = "URL",
        env = "FERROGATE_ADMIN_URL",
        hide_env_values = true
    )]
    pub(crate) admin_url: Option<String>,
    /// A key with `admin.write`; like `--api-key`, which is also taken
    #[arg(
        long,
        value_name = "KEY",
        env = "FERROGATE_ADMIN_TOKEN",
        hide_env_values = true
    )]
    pub(crate) admin_token: Option<String>,
    /// Let a new process take over (not available yet)
    #[arg(long, hide = true)]
    pub(crate) graceful_upgrade: bool,
}

#[derive(Debug, Args)]
pub(crate) struct StatusOptions {
    /// For people or for machines
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct CompletionsOptions {
    /// The shell
    pub(crate) shell: clap_complete::Shell,
}
