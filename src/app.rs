//! The only file that knows everything: what is built, and what waits for what. `hearing.rs` builds what hears from Twitch,
//! `parts.rs` runs and ends the parts, `time.rs` keeps the clock right, and `failure.rs` says why the program ends.

mod failure;
mod hearing;
mod parts;
mod time;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::commands;
use crate::config::Settings;
use crate::control::{Bells, Control, KnownRoles, RegisterError};
use crate::discord::{Application, DiscordError, DiscordOptions, Rest};
use crate::domain::{Happening, Permission, Permissions};
use crate::gateway::{Gateway, GatewayEnd, GatewayOptions, GatewayState};
use crate::outbox::{Errands, Revisions, Worker};
use crate::pipeline::{self, Pipeline};
use crate::sinks::{DiscordChannel, Sink};
use crate::sources::{Accounts, Covered, CycleReport, Poll, Recordings};
use crate::store::{Store, StoreError};
use crate::telemetry::{self, Health, Meter, Vitals};
use crate::twitch::{Helix, TwitchError, TwitchOptions};
use crate::web;

pub use failure::Failure;
use hearing::Hearing;
use parts::{Parts, Unreached, until};

/// How long deliveries that were left over wait for the first look at Twitch after a start: it tells whose stream is over by
/// now. When Twitch does not answer for so long, they go out rather late than never.
const FIRST_LOOK: Duration = Duration::from_mins(1);

/// How often it is tidied up: what servers left behind that removed the bot, and the history.
const TIDY_EVERY: Duration = Duration::from_hours(1);

/// How long a process with a refused token shows that on its health page before it ends: longer than the pauses between the
/// checks of a supervisor.
const SHOW_REFUSAL: Duration = Duration::from_mins(1);

const TWITCH_REFUSES: Failure =
    Failure::Credentials { variables: "TWITCH_CLIENT_ID/TWITCH_CLIENT_SECRET", by: "Twitch" };
const DISCORD_REFUSES: Failure = Failure::Credentials { variables: "DISCORD_TOKEN", by: "Discord" };

/// The parts that the others are built on.
struct Base {
    settings: Settings,
    clock: Clock,
    store: Store,
    helix: Helix,
    rest: Rest,
    bells: Bells,
    happenings: mpsc::Sender<Happening>,
    /// Whether Twitch has had a say on the credentials: accepted them, or was not to be reached.
    twitch_had_its_say: watch::Sender<bool>,
}

/// Runs the product until `stop`, and stops it in order.
pub async fn run(settings: Settings, clock: Clock, stop: CancellationToken) -> Result<(), Failure> {
    let listener = match settings.http_bind {
        Some(address) => Some(web::bind(address).await.map_err(|error| Failure::Setting {
            variable: "HTTP_BIND",
            reason: format!("{address} cannot be listened at: {error}"),
        })?),
        None => None,
    };
    let store = open_store(&settings).await?;
    let chance = fastrand::Rng::new;
    let helix = Helix::new(twitch_options(&settings), clock.clone(), chance()).map_err(Failure::Other)?;
    let rest = Rest::new(discord_options(&settings), clock.clone(), chance()).map_err(Failure::Other)?;
    let started = clock.now();
    let (gateway_state, gateway) = watch::channel(GatewayState { connected: false, since: started });
    let (reports, polls) = watch::channel(None);
    let bells = Bells::default();
    let (happenings, counted) = mpsc::channel(telemetry::MAX_WAITING);
    let twitch_had_its_say = watch::Sender::new(false);
    let base = Base { settings, clock, store, helix, rest, bells, happenings, twitch_had_its_say };
    let mut parts = Parts::new(stop.clone());
    let mut hearing = Hearing::new(&base);
    let pushes = hearing.as_ref().map(|hearing| hearing.vitals.clone());
    let (webhook, recorder) = hearing.as_mut().and_then(|hearing| hearing.webhook.take()).unzip();
    if let Some(recorder) = recorder {
        parts.start(move |stop| async move {
            recorder.run(stop).await;
            Ok(())
        });
    }
    let (meter, covered) = (Meter::default(), covered_by(hearing.as_ref()));
    let (counting, pushing, time) = (meter.clone(), pushes.clone(), base.clock.clone());
    parts.start(move |stop| async move {
        counting.run(counted, covered, pushing, time, stop).await;
        Ok(())
    });
    if let Some(listener) = listener {
        let interval = base.settings.check_interval;
        let vitals = Vitals { gateway, polls: polls.clone(), pushes, meter, interval, started };
        let health = Health {
            vitals,
            store: base.store.clone(),
            discord: base.rest.clone(),
            clock: base.clock.clone(),
        };
        parts.start(move |stop| async move {
            web::serve(listener, health, webhook, stop).await.map_err(|error| Failure::Other(error.into()))
        });
    }
    tracing::info!(version = env!("CARGO_PKG_VERSION"), database = %base.settings.database.path.display(),
        interval = ?base.settings.check_interval, http = ?base.settings.http_bind, "starting");
    let base = Arc::new(base);
    let (clock, store) = (base.clock.clone(), base.store.clone());
    parts.start(move |stop| async move {
        time::follow(clock, store, stop).await;
        Ok(())
    });
    let taken = watch_twitch(&base, reports, hearing, &mut parts);
    speak_to_discord(&base, gateway_state, FirstLook { polls, taken }, &mut parts);
    parts.run().await
}

/// Tries everything that a start needs, for `livebell check`. Tells each step and returns whether all is well.
pub async fn check(settings: Settings, mut tell: impl FnMut(bool, String)) -> Result<(), Failure> {
    let clock = Clock::system();
    tell(true, "settings are valid".to_owned());
    let path = settings.database.path.clone();
    let probed = tokio::task::spawn_blocking(move || crate::store::probe(&path)).await;
    let mut first_failure = None;
    let mut note = |result: Result<String, Failure>| match result {
        Ok(text) => tell(true, text),
        Err(failure) => {
            tell(false, failure.to_string());
            first_failure.get_or_insert(failure);
        }
    };
    note(match probed {
        Ok(Ok(())) => Ok(format!("database {} can be written", settings.database.path.display())),
        Ok(Err(error)) => Err(database_failure(error)),
        Err(error) => Err(Failure::Other(error.into())),
    });
    let helix =
        Helix::new(twitch_options(&settings), clock.clone(), fastrand::Rng::new()).map_err(Failure::Other)?;
    note(match helix.check_credentials().await {
        Ok(()) => Ok("Twitch accepts the client id and secret".to_owned()),
        Err(TwitchError::Credentials(_)) => Err(TWITCH_REFUSES),
        Err(error) => Err(Failure::Other(error.into())),
    });
    let rest = Rest::new(discord_options(&settings), clock, fastrand::Rng::new()).map_err(Failure::Other)?;
    note(match rest.application().await {
        Ok(application) => Ok(format!(
            "Discord accepts the token of {}\n  invite it with {}",
            application.name,
            invite_link(&application)
        )),
        Err(DiscordError::Unauthorized) => Err(DISCORD_REFUSES),
        Err(error) => Err(Failure::Other(error.into())),
    });
    first_failure.map_or(Ok(()), Err)
}

/// The address that invites the bot with the rights that it needs (Discord, `OAuth2`, "Bot Authorization Flow").
#[must_use]
pub fn invite_link(application: &Application) -> String {
    format!(
        "https://discord.com/oauth2/authorize?client_id={}&scope=bot%20applications.commands&permissions={}",
        application.id,
        Permissions::of(&Permission::USEFUL).0
    )
}

/// Tells when Twitch has answered a look at everybody, at least in part, and what follows from that is remembered.
struct FirstLook {
    polls: watch::Receiver<Option<CycleReport>>,
    /// How many observations have been taken.
    taken: watch::Receiver<usize>,
}

impl FirstLook {
    async fn is_over(&mut self) {
        let answered =
            |report: &Option<CycleReport>| report.is_some_and(|report| report.last_success.is_some());
        let handed_on = match self.polls.wait_for(answered).await {
            Ok(report) => report.map_or(0, |report| report.handed_on),
            Err(_) => return,
        };
        let _ = self.taken.wait_for(|taken| *taken >= handed_on).await;
    }
}

/// Of whom it is heard: of nobody when Twitch is not to push.
fn covered_by(hearing: Option<&Hearing>) -> Covered {
    hearing.map(|hearing| hearing.covered.clone()).unwrap_or_default()
}

/// Sees to it that Twitch is looked at and that everything that follows is remembered. Returns how many observations were.
fn watch_twitch(
    base: &Arc<Base>,
    reports: watch::Sender<Option<CycleReport>>,
    hearing: Option<Hearing>,
    parts: &mut Parts,
) -> watch::Receiver<usize> {
    let (observations, inbox) = mpsc::channel(pipeline::MAX_WAITING);
    let pipeline = Pipeline::new(
        base.store.clone(),
        base.clock.clone(),
        base.settings.offline_grace,
        Arc::clone(&base.bells.outbox),
        base.happenings.clone(),
    );
    let taken = pipeline.taken();
    // It ends when the poll has ended and nothing is left to take.
    parts.start(move |_| async move {
        pipeline.run(inbox).await;
        Ok(())
    });
    let covered = covered_by(hearing.as_ref());
    let poll = Poll {
        store: base.store.clone(),
        helix: base.helix.clone(),
        clock: base.clock.clone(),
        interval: base.settings.check_interval,
        batch: base.settings.poll_batch,
        covered,
        grace: base.settings.offline_grace,
        observations,
        reports,
    };
    let accounts =
        Accounts { store: base.store.clone(), helix: base.helix.clone(), clock: base.clock.clone() };
    let recordings =
        Recordings { store: base.store.clone(), helix: base.helix.clone(), clock: base.clock.clone() };
    let observations = poll.observations.clone();
    let base = Arc::clone(base);
    parts.start(move |stop| async move {
        let reached = until(&stop, "Twitch", || async {
            let checked = base.helix.check_credentials().await;
            if let Err(TwitchError::Credentials(_)) = checked {
                return Err(Unreached::Never(TWITCH_REFUSES));
            }
            time::wake(&base.clock, &base.helix, &base.store)
                .await
                .map_err(|error| Unreached::Later(format!("{:#}", anyhow::Error::from(error))))?;
            base.twitch_had_its_say.send_replace(true);
            checked.map_err(|error| Unreached::Later(error.to_string()))
        });
        if reached.await?.is_some() {
            let listening = async {
                if let Some(hearing) = hearing {
                    hearing.run(Arc::clone(&base), observations, stop.clone()).await;
                }
            };
            let refreshing = async { tokio::join!(accounts.run(stop.clone()), recordings.run(stop.clone())) };
            tokio::join!(poll.run(stop.clone()), refreshing, listening);
        }
        Ok(())
    });
    taken
}

/// Sees to it that what is owed is delivered and that people are answered.
fn speak_to_discord(
    base: &Arc<Base>,
    state: watch::Sender<GatewayState>,
    mut first_look: FirstLook,
    parts: &mut Parts,
) {
    let base = Arc::clone(base);
    parts.start(move |stop| async move {
        let reached = until(&stop, "Discord", || async {
            match base.rest.application().await {
                Ok(application) => Ok(application),
                Err(DiscordError::Unauthorized) => Err(Unreached::Never(DISCORD_REFUSES)),
                Err(error) => Err(Unreached::Later(error.to_string())),
            }
        });
        let Some(application) = reached.await? else { return Ok(()) };
        tracing::info!(
            bot = application.name,
            invite = invite_link(&application),
            "Discord accepts the token"
        );
        let released = until(&stop, "the database", || async {
            let released = base.store.release_leases().await;
            released.map_err(|error| Unreached::Later(format!("{:#}", anyhow::Error::from(error))))
        });
        if released.await?.is_none() {
            return Ok(());
        }
        let sink = Sink::DiscordChannel(DiscordChannel::new(base.rest.clone(), application.bot_user));
        let control = Control {
            store: base.store.clone(),
            helix: base.helix.clone(),
            rest: base.rest.clone(),
            clock: base.clock.clone(),
            application,
            bells: base.bells.clone(),
            grace: base.settings.offline_grace,
            known_roles: KnownRoles::default(),
        };
        let worker = Worker {
            store: base.store.clone(),
            sink: sink.clone(),
            clock: base.clock.clone(),
            nudge: Arc::clone(&base.bells.outbox),
            errands: Arc::clone(&base.bells.errands),
            happenings: base.happenings.clone(),
            chance: fastrand::Rng::new(),
        };
        let revisions = Revisions {
            store: base.store.clone(),
            sink: sink.clone(),
            clock: base.clock.clone(),
            chance: fastrand::Rng::new(),
        };
        let errands = Errands {
            store: base.store.clone(),
            sink,
            clock: base.clock.clone(),
            bell: Arc::clone(&base.bells.errands),
            outbox: Arc::clone(&base.bells.outbox),
            chance: fastrand::Rng::new(),
        };
        let options = GatewayOptions {
            api_url: base.settings.discord_api_url.clone(),
            token: base.settings.discord_token.clone(),
        };
        let gateway = Gateway {
            options,
            control: control.clone(),
            rest: base.rest.clone(),
            clock: base.clock.clone(),
            state,
        };
        let deliver = async {
            tokio::select! {
                () = stop.cancelled() => {}
                _ = tokio::time::timeout(FIRST_LOOK, first_look.is_over()) => {}
            }
            let work = async { worker.run(stop.clone()).await.map_err(|_| DISCORD_REFUSES) };
            let revise = async { revisions.run(stop.clone()).await.map_err(|_| DISCORD_REFUSES) };
            let (delivered, revised) =
                tokio::join!(or_stop(&base, &stop, work), or_stop(&base, &stop, revise));
            delivered.and(revised)
        };
        let connect = async {
            // Not before it is known whether the program can go on at all: each start of a crash loop would begin a session.
            let mut verdict = base.twitch_had_its_say.subscribe();
            tokio::select! {
                () = stop.cancelled() => {}
                _ = verdict.wait_for(|said| *said) => {}
            }
            gateway.run(stop.clone()).await.map_err(|end| match end {
                GatewayEnd::TokenRefused => DISCORD_REFUSES,
                GatewayEnd::Refused(_) => Failure::Other(end.into()),
            })
        };
        // The first that fails stops the others in order: the gateway is to be closed, not dropped.
        let (delivered, connected, (), (), ()) = tokio::join!(
            deliver,
            or_stop(&base, &stop, connect),
            errands.run(stop.clone()),
            register_commands(&control, &stop),
            tidy(&control, &stop),
        );
        delivered.and(connected)
    });
}

/// Does this, and stops everything when it fails.
///
/// Where somebody watches the program's health, it lives on a little with a refused token, without a word to Discord: a
/// process that is gone tells nobody why.
async fn or_stop(
    base: &Base,
    stop: &CancellationToken,
    part: impl Future<Output = Result<(), Failure>>,
) -> Result<(), Failure> {
    let ended = part.await;
    let Err(failure) = &ended else { return ended };
    if matches!(failure, Failure::Credentials { .. }) {
        base.rest.give_up();
        if base.settings.http_bind.is_some() {
            tracing::error!(%failure, exit_in = ?SHOW_REFUSAL, "nothing more is sent");
            let _ = tokio::time::timeout(SHOW_REFUSAL, stop.cancelled()).await;
        }
    }
    stop.cancel();
    ended
}

async fn register_commands(control: &Control, stop: &CancellationToken) {
    let commands = commands::definitions();
    let registered = until(stop, "Discord", || async {
        match control.register_commands(&commands).await {
            Ok(registered) => Ok(registered),
            Err(RegisterError::Discord(error @ DiscordError::Refused { .. })) => {
                Err(Unreached::Never(Failure::Other(error.into())))
            }
            Err(error) => Err(Unreached::Later(error.to_string())),
        }
    });
    match registered.await {
        Ok(Some(true)) => tracing::info!("the slash commands are registered"),
        Ok(Some(false)) => tracing::debug!("the slash commands are registered already"),
        Ok(None) => {}
        Err(failure) => tracing::error!(%failure, "the slash commands could not be registered"),
    }
}

async fn tidy(control: &Control, stop: &CancellationToken) {
    let for_ever = async {
        loop {
            // Not at once: a server that invited the bot again while it was away is known when the gateway is connected.
            tokio::time::sleep(TIDY_EVERY).await;
            if let Err(error) = control.tidy().await {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "what is over could not be tidied up"
                );
            }
        }
    };
    // What is tidied in one go is one transaction, so it can be left at any point.
    tokio::select! {
        () = stop.cancelled() => {}
        () = for_ever => {}
    }
}

async fn open_store(settings: &Settings) -> Result<Store, Failure> {
    Store::open(settings.database.clone()).await.map_err(database_failure)
}

fn database_failure(error: StoreError) -> Failure {
    Failure::Setting { variable: "DATABASE_PATH", reason: format!("{:#}", anyhow::Error::from(error)) }
}

fn twitch_options(settings: &Settings) -> TwitchOptions {
    TwitchOptions {
        api_url: settings.twitch_api_url.clone(),
        auth_url: settings.twitch_auth_url.clone(),
        client_id: settings.twitch_client_id.clone(),
        client_secret: settings.twitch_client_secret.clone(),
    }
}

fn discord_options(settings: &Settings) -> DiscordOptions {
    DiscordOptions { api_url: settings.discord_api_url.clone(), token: settings.discord_token.clone() }
}
