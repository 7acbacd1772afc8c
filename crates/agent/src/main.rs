//! `pleione-agent`: hosts actors until it is told to stop.
//!
//! Exit codes: 0 done or stopped as asked, 1 something failed, 2 a setting or the command line cannot be used.

use std::io::Write as _;
use std::net::SocketAddr;
use std::process::ExitCode;

use pleione_agent::account::{AccountError, new_account};
use pleione_agent::host::{Host, HostError, OpenError};
use pleione_agent::http::{self, Answering};
use pleione_agent::settings::{Command, Settings};
use pleione_agent::start_line;
use service::log::{self, LogSettings};
use service::setting::{CliError, SettingError};
use service::shutdown::{Signals, stop_switch};
use tokio::net::TcpListener;

/// Why the process ends before it was asked to, or badly.
#[derive(Debug, thiserror::Error)]
enum RunError {
    #[error(transparent)]
    Setting(#[from] SettingError),
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error("AGENT_MAIA_HTTP_ADDRESS={address}: expected a free address: {cause}")]
    Listen {
        address: SocketAddr,
        cause: std::io::Error,
    },
    #[error(transparent)]
    Account(#[from] AccountError),
    #[error(transparent)]
    Host(#[from] HostError),
    #[error("the system refuses what an agent needs: {0}")]
    System(#[from] std::io::Error),
}

impl RunError {
    fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Setting(_)
            | Self::Open(_)
            | Self::Listen { .. }
            | Self::Host(HostError::Definition(_) | HostError::Actor { .. }) => 2,
            Self::Account(_) | Self::Host(_) | Self::System(_) => 1,
        })
    }
}

fn main() -> ExitCode {
    let command = match Command::from_process() {
        Ok(command) => command,
        // Help goes to standard output with code 0, a wrong command line to standard error with code 2.
        Err(CliError::Usage(usage)) => usage.exit(),
        Err(CliError::Setting(error)) => return fail(&error.into()),
    };
    let done = match command {
        Command::Account => tell_new_account(),
        Command::Run(settings) => run(&settings),
    };
    match done {
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

fn tell_new_account() -> Result<(), RunError> {
    let (account, secret) = new_account()?;
    let mut out = std::io::stdout();
    writeln!(out, "AGENT_MAIA_AGENT_ACCOUNT_ID={account}")?;
    writeln!(out, "AGENT_MAIA_AGENT_SECRET={}", secret.as_str())?;
    Ok(())
}

fn run(settings: &Settings) -> Result<(), RunError> {
    log::start(&settings.log);
    let host = Host::open(settings)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let result = runtime.block_on(serve(settings, host));
    // A tool that is still being called must not keep the process.
    runtime.shutdown_background();
    result
}

async fn serve(settings: &Settings, host: Host) -> Result<(), RunError> {
    let mut signals = Signals::listen()?;
    let address = settings.http_address;
    let unusable = |cause| RunError::Listen { address, cause };
    let listener = TcpListener::bind(address).await.map_err(unusable)?;
    let address = listener.local_addr().unwrap_or(address);
    let (stop, stopping) = stop_switch();
    let answering = Answering {
        host: host.handle(),
        token: settings.http_token.clone(),
    };
    let http = tokio::spawn(http::serve(listener, answering, stopping));
    let stopped = async {
        signals.received().await;
        // Nobody is let in any more; what was asked is still answered.
        stop.stop();
    };
    let ended = host
        .run(stopped, |started| {
            start_line::say(settings, address, started);
        })
        .await;
    stop.stop();
    http.abort();
    Ok(ended?)
}
