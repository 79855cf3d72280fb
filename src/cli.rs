//! What can be said on the command line, and how a command ends.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use clap::{ArgMatches, Command};
use livebell::app::{self, Failure};
use livebell::clock::Clock;
use livebell::config::{self, LogFormat, Settings};
use livebell::{telemetry, web};
use tokio_util::sync::CancellationToken;

/// Threads for work that waits: two for the disk, the others for looking up names, so that a name server that does not
/// answer never holds up the database. They exist only while they are needed.
const BLOCKING_THREADS: usize = 32;

/// How long work that waits may go on when everything else has ended.
const LAST_CALLS: Duration = Duration::from_millis(300);

/// Threads for everything else. The machine that this is made for has one or two cores.
const WORKER_THREADS: usize = 2;

/// The exit status for settings that are wrong.
const WRONG_SETTINGS: u8 = 2;

pub(crate) fn main() -> ExitCode {
    let matches = command().get_matches();
    let settings = match settings() {
        Ok(settings) => settings,
        Err(problems) => {
            eprintln!("{problems}");
            return ExitCode::from(WRONG_SETTINGS);
        }
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKER_THREADS)
        .max_blocking_threads(BLOCKING_THREADS)
        .enable_all()
        .build();
    match runtime {
        Ok(runtime) => {
            let status = runtime.block_on(act(&matches, settings));
            // A look-up of a name or a statement may still be waiting; nobody waits for it.
            runtime.shutdown_timeout(LAST_CALLS);
            status
        }
        Err(error) => {
            eprintln!("the program cannot start: {error}");
            ExitCode::FAILURE
        }
    }
}

fn command() -> Command {
    Command::new("livebell")
        .version(env!("CARGO_PKG_VERSION"))
        .about(env!("CARGO_PKG_DESCRIPTION"))
        .after_help(config::help())
        .subcommand(Command::new("run").about("Run the bot (the same as no command)"))
        .subcommand(
            Command::new("check")
                .about("Try settings, database and both credentials, and print the invite link"),
        )
        .subcommand(Command::new("healthcheck").about("Ask the running bot whether it is healthy"))
}

fn settings() -> Result<Settings, String> {
    let values = config::environment(Path::new("."))?;
    config::read(&values).map_err(|problems| problems.to_string())
}

async fn act(matches: &ArgMatches, settings: Settings) -> ExitCode {
    match matches.subcommand_name() {
        Some("check") => {
            let checked = app::check(settings, |fine, text| {
                println!("{} {text}", if fine { "ok  " } else { "FAIL" });
            });
            match checked.await {
                Ok(()) => ExitCode::SUCCESS,
                // It has been told already, as a step that failed.
                Err(failure) => ExitCode::from(failure.exit_status()),
            }
        }
        Some("healthcheck") => healthcheck(&settings).await,
        _ => {
            telemetry::start_logging(&settings.log_filter, settings.log_format == LogFormat::Json);
            let stop = CancellationToken::new();
            let ran = tokio::select! {
                ran = app::run(settings, Clock::system(), stop.clone()) => ran,
                never = async { asked_to_stop().await; stop.cancel(); std::future::pending().await } => never,
            };
            end(ran)
        }
    }
}

fn end(outcome: Result<(), Failure>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::from(failure.exit_status())
        }
    }
}

async fn healthcheck(settings: &Settings) -> ExitCode {
    let Some(bound) = settings.http_bind else {
        eprintln!("HTTP_BIND is off, so the running bot cannot be asked");
        return ExitCode::from(WRONG_SETTINGS);
    };
    match web::ask(bound).await {
        Ok(answer) => {
            println!("{answer}");
            ExitCode::SUCCESS
        }
        Err(answer) => {
            eprintln!("{answer}");
            ExitCode::FAILURE
        }
    }
}

/// Returns when the program is asked to stop: SIGTERM from a supervisor, or ctrl-c from a person.
async fn asked_to_stop() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
            return;
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}
