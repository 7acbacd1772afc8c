//! `pleione-sync`: does what its command line asks; without a command, serves until it is told to stop.
//!
//! Exit codes: 0 done or stopped as asked, 1 something failed, 2 a setting or the command line cannot be used.

use std::io::Write as _;
use std::process::ExitCode;

use pleione_sync::auth::command::{TokenCommand, TokenError};
use pleione_sync::cli::{CliError, Command};
use pleione_sync::log::{self, LogSettings};
use pleione_sync::server::{Server, StartError};
use pleione_sync::settings::{
    BackupSettings, RawTransfer, RestoreSettings, SettingError, Settings, StatsSettings,
    TransferSettings,
};
use pleione_sync::shutdown::Signals;
use pleione_sync::start_line;
use pleione_sync::stats::{self, StatsError};
use pleione_sync::transfer::{TransferError, backup, command};

/// Why the process ends before it was asked to, or badly.
#[derive(Debug, thiserror::Error)]
enum RunError {
    #[error(transparent)]
    Setting(#[from] SettingError),
    #[error(transparent)]
    Start(#[from] StartError),
    #[error(transparent)]
    Token(#[from] TokenError),
    #[error(transparent)]
    Stats(#[from] StatsError),
    #[error(transparent)]
    Transfer(#[from] TransferError),
    #[error("the server failed and cannot go on")]
    Failed,
    #[error(transparent)]
    Stop(#[from] pleione_sync::server::StopError),
    #[error("the system refuses what a server needs: {0}")]
    System(#[from] std::io::Error),
}

impl RunError {
    fn exit_code(&self) -> ExitCode {
        let is_setting = match self {
            Self::Setting(_) => true,
            Self::Start(error) => !matches!(error, StartError::Thread(_)),
            Self::Transfer(error) => matches!(error, TransferError::Open(_)),
            Self::Stats(error) => matches!(error, StatsError::Open(_)),
            Self::Token(_) | Self::Failed | Self::Stop(_) | Self::System(_) => false,
        };
        ExitCode::from(if is_setting { 2 } else { 1 })
    }
}

fn main() -> ExitCode {
    let command = match Command::from_process() {
        Ok(command) => command,
        // Help goes to standard output with code 0, a wrong command line to standard error with code 2.
        Err(CliError::Usage(usage)) => usage.exit(),
        Err(CliError::Setting(error)) => return fail(&error.into()),
    };
    match run(command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error),
    }
}

fn fail(error: &RunError) -> ExitCode {
    // What was wrong may be how to say it.
    log::start(&LogSettings::default());
    tracing::error!("{error}");
    error.exit_code()
}

fn run(command: Command) -> Result<(), RunError> {
    match command {
        Command::Serve(raw) => {
            let settings = Settings::try_from(*raw)?;
            log::start(&settings.log);
            run_server(&settings)
        }
        Command::Token(raw) => run_token(TokenCommand::try_from(*raw)?),
        Command::Export(raw) => transfer(*raw, command::export),
        Command::Import(raw) => transfer(*raw, command::import),
        Command::Backup(raw) => {
            let settings = BackupSettings::try_from(*raw)?;
            log::start_aside(&settings.transfer.log);
            Ok(backup::backup(&settings)?)
        }
        Command::Stats(raw) => {
            let settings = StatsSettings::try_from(*raw)?;
            log::start_aside(&settings.log);
            Ok(stats::tell(&settings)?)
        }
        Command::Restore(raw) => {
            let settings = RestoreSettings::try_from(*raw)?;
            log::start_aside(&settings.backup.transfer.log);
            Ok(backup::restore(&settings)?)
        }
    }
}

fn run_token(command: TokenCommand) -> Result<(), RunError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let said = runtime.block_on(command.run())?;
    writeln!(std::io::stdout(), "{said}")?;
    Ok(())
}

fn transfer(
    raw: RawTransfer,
    command: fn(&TransferSettings) -> Result<(), TransferError>,
) -> Result<(), RunError> {
    let settings = TransferSettings::try_from(raw)?;
    log::start_aside(&settings.log);
    Ok(command(&settings)?)
}

fn run_server(settings: &Settings) -> Result<(), RunError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let result = runtime.block_on(serve(settings));
    // A page that is still being sent must not keep the process.
    runtime.shutdown_background();
    result
}

async fn serve(settings: &Settings) -> Result<(), RunError> {
    let mut signals = Signals::listen()?;
    let mut server = tokio::select! {
        started = Server::start(settings) => started?,
        // A database that hangs must not keep the process.
        () = signals.received() => return Ok(()),
    };
    start_line::say(settings, &server);
    tokio::select! {
        () = signals.received() => {}
        () = server.failed() => return Err(RunError::Failed),
    }
    Ok(server.stop().await?)
}
