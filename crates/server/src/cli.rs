//! The command line: which command, with which settings. Without a command the server serves.
//!
//! Pure but for reading the environment: what a command does is its own module's.

use std::ffi::OsString;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::auth::command::RawTokenCommand;
use crate::settings::{
    RawBackup, RawRestore, RawSettings, RawStats, RawTransfer, with_environment,
};

pub use service::setting::CliError;

/// What the process was asked to do.
#[derive(Debug, Parser)]
#[command(
    name = "pleione-sync",
    version,
    about = "The sync server: clients speak CoJSON's protocol to it at /sync",
    after_help = "Without a command it serves. Every setting is a flag or a variable; the flag goes first.",
    args_conflicts_with_subcommands = true
)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: RawSettings,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve until told to stop (as without a command)
    Serve(Box<RawSettings>),
    /// Make, list and revoke the tokens that clients connect with (`SYNC_MAIA_AUTH=token`)
    Token(Box<RawTokenCommand>),
    /// Write all logs of a store into one file that any back end can import
    Export(Box<RawTransfer>),
    /// Add the logs of a file to a store: of an export, a backup, or an `SQLite` file of a classic CoJSON program
    Import(Box<RawTransfer>),
    /// Copy a store into a file while servers write to it, and its book of tokens beside that
    Backup(Box<RawBackup>),
    /// Put a backup or an export into an empty store
    Restore(Box<RawRestore>),
    /// Tell how much a store keeps, and which values are the largest, while servers write to it
    Stats(Box<RawStats>),
}

impl Command {
    /// What this process was started for.
    ///
    /// # Errors
    /// When a setting or the command line cannot be used, and when help was asked for.
    pub fn from_process() -> Result<Self, CliError> {
        Self::from_arguments(std::env::args_os().collect(), true)
    }

    /// What these arguments ask for (the first is the program's name), with the environment or without.
    pub(crate) fn from_arguments(
        arguments: Vec<OsString>,
        reads_environment: bool,
    ) -> Result<Self, CliError> {
        let mut command = Cli::command();
        let names = command.get_subcommands().map(clap::Command::get_name);
        let first = arguments.get(1).and_then(|argument| argument.to_str());
        // The variables are the named command's then, and not also the server's.
        let is_named = first.is_some_and(|first| names.into_iter().any(|name| name == first));
        command = with_environment(command, |_| reads_environment && !is_named);
        let commands: Vec<_> = command
            .get_subcommands()
            .map(|command| command.get_name().to_owned())
            .collect();
        for name in commands {
            command = command.mut_subcommand(name, |command| {
                with_environment(command, |_| reads_environment)
            });
        }
        let matches = command.try_get_matches_from_mut(arguments)?;
        let cli = Cli::from_arg_matches(&matches)?;
        Ok(cli
            .command
            .unwrap_or_else(|| Self::Serve(Box::new(cli.serve))))
    }
}
