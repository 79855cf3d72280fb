//! Livebell in a browser, without any account: the real application between a Twitch and a Discord that are stand-ins.
//!
//! `cargo run --example demo`, then open the address that it prints. `DEMO_PORT` chooses another port, 0
//! any that is free.

mod act;
mod cast;
mod command_line;
mod memory;
mod server;
mod state;
mod world;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use livebell::app;
use livebell::clock::Clock;
use livebell::config::{EventSub, LogFormat, Settings};
use livebell::store::StoreOptions;
use livebell::telemetry;
use livebell_fakes::discord::Discord;
use livebell_fakes::twitch::Twitch;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use world::World;

/// Where the page is, unless `DEMO_PORT` says otherwise.
const PORT: u16 = 8787;

/// How often the bot looks at Twitch here: short, so that nobody waits for the card.
const CHECK_INTERVAL: Duration = Duration::from_secs(2);

/// How long a stream may be gone and still be the same: short, so that both sides of it can be tried.
const OFFLINE_GRACE: Duration = Duration::from_secs(20);

#[tokio::main]
async fn main() -> ExitCode {
    telemetry::start_logging("warn", false);
    match demo().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Runs everything until ctrl-c: first the stand-ins, then the bot, then the page; it stops in the opposite order.
async fn demo() -> anyhow::Result<()> {
    let listener = listen(port()?).await?;
    let address = listener.local_addr()?;
    let folder = tempfile::tempdir().context("there is no temporary folder")?;
    let (twitch, discord) = (Twitch::start().await, Discord::start().await);
    let settings = settings(&twitch, &discord, folder.path());
    let database = settings.database.path.clone();
    let (stop_page, stop_bot) = (CancellationToken::new(), CancellationToken::new());
    let mut bot = JoinSet::new();
    bot.spawn(app::run(settings, Clock::system(), stop_bot.clone()));
    let page = async {
        let world = tokio::select! {
            world = World::seed(twitch.clone(), discord.clone(), database) => Arc::new(world?),
            () = stop_page.cancelled() => return Ok(()),
        };
        println!("Livebell's demo is at http://{address} (ctrl-c ends it)");
        server::serve(listener, world, stop_page.clone()).await.context("the page cannot be served")
    };
    let outcome = tokio::select! {
        shown = page => shown,
        ended = bot.join_next() => bail!("the bot has stopped: {}", why(ended)),
        never = async {
            let _ = tokio::signal::ctrl_c().await;
            stop_page.cancel();
            std::future::pending().await
        } => never,
    };
    stop_bot.cancel();
    while bot.join_next().await.is_some() {}
    drop((twitch, discord));
    outcome
}

/// What the bot said at its end.
fn why(ended: Option<Result<Result<(), app::Failure>, tokio::task::JoinError>>) -> String {
    match ended {
        Some(Ok(Err(failure))) => failure.to_string(),
        Some(Err(panic)) => panic.to_string(),
        _ => "it does not say why".to_owned(),
    }
}

/// The settings that a person would write into the environment.
fn settings(twitch: &Twitch, discord: &Discord, folder: &Path) -> Settings {
    Settings {
        discord_token: discord.token().into(),
        twitch_client_id: twitch.client_id().into(),
        twitch_client_secret: twitch.client_secret().into(),
        check_interval: CHECK_INTERVAL,
        offline_grace: OFFLINE_GRACE,
        poll_batch: livebell::twitch::MAX_IDS,
        database: StoreOptions::at(&folder.join("livebell.db")),
        http_bind: None,
        log_format: LogFormat::Text,
        log_filter: "warn".to_owned(),
        discord_api_url: discord.url(),
        twitch_api_url: twitch.api_url(),
        twitch_auth_url: twitch.auth_url(),
        eventsub: EventSub::Conduit,
        enrich_wait: Duration::from_secs(3),
        twitch_eventsub_url: twitch.eventsub_url(),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "an example is its own program; it has no settings but this one"
)]
fn port() -> anyhow::Result<u16> {
    match std::env::var("DEMO_PORT") {
        Ok(text) => text.parse().with_context(|| format!("DEMO_PORT is {text:?}, which is no port")),
        Err(_) => Ok(PORT),
    }
}

/// Listens on loopback only: the page is for the person at this machine.
async fn listen(port: u16) -> anyhow::Result<TcpListener> {
    match TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => bail!(
            "port {port} is in use by another program; choose another one: DEMO_PORT={} cargo run --example demo",
            port.checked_add(1).unwrap_or(PORT)
        ),
        bound => bound.with_context(|| format!("port {port} cannot be listened at")),
    }
}
