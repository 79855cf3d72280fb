//! The only file that knows everything: it builds the parts, starts them, and stops them in order.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::clock::{self, Clock};
use crate::commands;
use crate::config::Settings;
use crate::control::{Bells, Control, RegisterError};
use crate::discord::{Application, DiscordError, DiscordOptions, Rest};
use crate::domain::{Permission, Permissions};
use crate::gateway::{Gateway, GatewayEnd, GatewayOptions, GatewayState};
use crate::outbox::{Errands, Worker};
use crate::pipeline::{self, Pipeline};
use crate::sinks::{DiscordChannel, Sink};
use crate::sources::{Accounts, CycleReport, Poll};
use crate::store::{Store, StoreError, StoreOptions};
use crate::telemetry::{Health, Vitals};
use crate::twitch::{Helix, TwitchError, TwitchOptions};
use crate::web;

/// The wait before a second attempt to reach a service at start; it doubles.
const FIRST_BACKOFF: Duration = Duration::from_secs(1);

/// The longest wait between two attempts.
const LONGEST_BACKOFF: Duration = Duration::from_mins(1);

/// How long deliveries that were left over wait for the first look at Twitch after a start: it tells whose stream is over by
/// now. When Twitch does not answer for so long, they go out rather late than never.
const FIRST_LOOK: Duration = Duration::from_mins(1);

/// How often servers that removed the bot are looked through.
const TIDY_EVERY: Duration = Duration::from_hours(1);

/// How long a process with a refused token shows that on its health page before it ends: longer than the pauses between the
/// checks of a supervisor.
const SHOW_REFUSAL: Duration = Duration::from_mins(1);

/// How often it is looked whether the machine has slept; a sleep that is shorter changes nothing.
const SLEEP_LOOK: Duration = Duration::from_secs(5);

/// How far the machine's clock may be from Twitch's, in milliseconds, before Twitch's is believed: much more than an answer
/// takes, and much less than a quarter of an hour, after which an announcement is late.
const CLOCK_MAY_DIFFER: u64 = 60_000;

/// How long all parts together may take to stop; supervisors kill after ten seconds, and a person waits no five.
const STOP_WITHIN: Duration = Duration::from_millis(4500);

/// Why the program ends without being told to.
#[derive(Debug)]
pub enum Failure {
    /// A setting is right in itself but does not work here; status 2.
    Setting {
        /// Which.
        variable: &'static str,
        /// Why not.
        reason: String,
    },
    /// A credential is refused; status 3.
    Credentials {
        /// Which variables hold it.
        variables: &'static str,
        /// Who refuses.
        by: &'static str,
    },
    /// Anything else; status 1.
    Other(anyhow::Error),
}

impl Failure {
    /// The exit status that says so.
    #[must_use]
    pub fn exit_status(&self) -> u8 {
        match self {
            Self::Other(_) => 1,
            Self::Setting { .. } => 2,
            Self::Credentials { .. } => 3,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Setting { variable, reason } => write!(f, "{variable}: {reason}"),
            Self::Credentials { variables, by } => write!(f, "{by} refuses {variables}; please check it"),
            Self::Other(error) => write!(f, "{error:#}"),
        }
    }
}

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
    let base =
        Base { settings, clock, store, helix, rest, bells, twitch_had_its_say: watch::Sender::new(false) };
    let mut parts = Parts { tasks: JoinSet::new(), stop: stop.clone() };
    if let Some(listener) = listener {
        let vitals =
            Vitals { gateway, polls: polls.clone(), interval: base.settings.check_interval, started };
        let health = Health {
            vitals,
            store: base.store.clone(),
            discord: base.rest.clone(),
            clock: base.clock.clone(),
        };
        parts.start(move |stop| async move {
            web::serve(listener, health, stop).await.map_err(|error| Failure::Other(error.into()))
        });
    }
    tracing::info!(version = env!("CARGO_PKG_VERSION"), database = %base.settings.database_path.display(),
        interval = ?base.settings.check_interval, http = ?base.settings.http_bind, "starting");
    let base = Arc::new(base);
    let (clock, store) = (base.clock.clone(), base.store.clone());
    parts.start(move |stop| async move {
        follow_time(clock, store, stop).await;
        Ok(())
    });
    let taken = watch_twitch(&base, reports, &mut parts);
    speak_to_discord(&base, gateway_state, FirstLook { polls, taken }, &mut parts);
    parts.run().await
}

/// Tries everything that a start needs, for `livebell check`. Tells each step and returns whether all is well.
pub async fn check(settings: Settings, mut tell: impl FnMut(bool, String)) -> Result<(), Failure> {
    let clock = Clock::system();
    tell(true, "settings are valid".to_owned());
    let path = settings.database_path.clone();
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
        Ok(Ok(())) => Ok(format!("database {} can be written", settings.database_path.display())),
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

/// The running parts. The first one that fails stops the others.
struct Parts {
    tasks: JoinSet<Result<(), Failure>>,
    stop: CancellationToken,
}

impl Parts {
    fn start<F>(&mut self, part: impl FnOnce(CancellationToken) -> F)
    where
        F: Future<Output = Result<(), Failure>> + Send + 'static,
    {
        self.tasks.spawn(part(self.stop.clone()));
    }

    async fn run(mut self) -> Result<(), Failure> {
        let mut failure = tokio::select! {
            () = self.stop.cancelled() => None,
            failure = first_failure(&mut self.tasks) => failure,
        };
        self.stop.cancel();
        tracing::info!("stopping");
        // A part that has stopped everything because it failed ends here, among the others.
        let all_ended = async {
            while let Some(another) = first_failure(&mut self.tasks).await {
                failure.get_or_insert(another);
            }
        };
        if tokio::time::timeout(STOP_WITHIN, all_ended).await.is_err() {
            tracing::warn!("not everything stopped in time; what is left goes on at the next start");
        }
        failure.map_or(Ok(()), Err)
    }
}

/// The first part that fails; nothing when all have ended without.
async fn first_failure(tasks: &mut JoinSet<Result<(), Failure>>) -> Option<Failure> {
    while let Some(ended) = tasks.join_next().await {
        match ended {
            Ok(Ok(())) => {}
            Ok(Err(failure)) => return Some(failure),
            Err(panic) => return Some(Failure::Other(panic.into())),
        }
    }
    None
}

/// Tells when everybody has been looked at for the first time, and what follows from that is remembered.
struct FirstLook {
    polls: watch::Receiver<Option<CycleReport>>,
    /// How many observations have been taken.
    taken: watch::Receiver<usize>,
}

impl FirstLook {
    async fn is_over(&mut self) {
        let sent = match self.polls.wait_for(Option::is_some).await {
            Ok(report) => report.map_or(0, |report| report.batches.saturating_sub(report.failed)),
            Err(_) => return,
        };
        let _ = self.taken.wait_for(|taken| *taken >= sent).await;
    }
}

/// Sees to it that Twitch is looked at and that everything that follows is remembered. Returns how many observations were.
fn watch_twitch(
    base: &Arc<Base>,
    reports: watch::Sender<Option<CycleReport>>,
    parts: &mut Parts,
) -> watch::Receiver<usize> {
    let (observations, inbox) = mpsc::channel(pipeline::MAX_WAITING);
    let pipeline = Pipeline::new(
        base.store.clone(),
        base.clock.clone(),
        base.settings.offline_grace,
        Arc::clone(&base.bells.outbox),
    );
    let taken = pipeline.taken();
    // It ends when the poll has ended and nothing is left to take.
    parts.start(move |_| async move {
        pipeline.run(inbox).await;
        Ok(())
    });
    let poll = Poll {
        store: base.store.clone(),
        helix: base.helix.clone(),
        clock: base.clock.clone(),
        interval: base.settings.check_interval,
        observations,
        reports,
    };
    let accounts =
        Accounts { store: base.store.clone(), helix: base.helix.clone(), clock: base.clock.clone() };
    let base = Arc::clone(base);
    parts.start(move |stop| async move {
        let reached = until(&stop, "Twitch", || async {
            let checked = base.helix.check_credentials().await;
            if let Err(TwitchError::Credentials(_)) = checked {
                return Err(Unreached::Never(TWITCH_REFUSES));
            }
            wake(&base)
                .await
                .map_err(|error| Unreached::Later(format!("{:#}", anyhow::Error::from(error))))?;
            base.twitch_had_its_say.send_replace(true);
            checked.map_err(|error| Unreached::Later(error.to_string()))
        });
        if reached.await?.is_some() {
            tokio::join!(poll.run(stop.clone()), accounts.run(stop));
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
        };
        let worker = Worker {
            store: base.store.clone(),
            sink: sink.clone(),
            clock: base.clock.clone(),
            nudge: Arc::clone(&base.bells.outbox),
            errands: Arc::clone(&base.bells.errands),
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
            worker.run(stop.clone()).await.map_err(|_| DISCORD_REFUSES)
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
            or_stop(&base, &stop, deliver),
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
    loop {
        // Not at once: a server that invited the bot again while it was away is known when the gateway is connected.
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(TIDY_EVERY) => {}
        }
        if let Err(error) = control.tidy().await {
            tracing::error!(error = &error as &dyn std::error::Error, "what is over could not be tidied up");
        }
    }
}

/// Why a service was not reached.
enum Unreached {
    Later(String),
    Never(Failure),
}

/// Tries until it succeeds or can never succeed; nothing when the program stops first.
async fn until<T, F>(
    stop: &CancellationToken,
    service: &'static str,
    mut attempt: impl FnMut() -> F,
) -> Result<Option<T>, Failure>
where
    F: Future<Output = Result<T, Unreached>>,
{
    let mut backoff = FIRST_BACKOFF;
    loop {
        let tried = tokio::select! {
            () = stop.cancelled() => return Ok(None),
            tried = attempt() => tried,
        };
        match tried {
            Ok(value) => return Ok(Some(value)),
            Err(Unreached::Never(failure)) => return Err(failure),
            Err(Unreached::Later(why)) => {
                tracing::warn!(service, why, retry_in = ?backoff, "not reached; trying again");
            }
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(None),
            () = tokio::time::sleep(backoff) => backoff = (backoff * 2).min(LONGEST_BACKOFF),
        }
    }
}

async fn open_store(settings: &Settings) -> Result<Store, Failure> {
    let options = StoreOptions {
        busy_timeout: settings.database_busy_timeout,
        ..StoreOptions::at(&settings.database_path)
    };
    Store::open(options).await.map_err(database_failure)
}

/// What comes before the first look: the right time, and nothing remembered that lies after it.
///
/// When the machine's own clock is far off, Twitch's is gone by. By a wrong one, streams would be late that have just begun,
/// and a lost answer would be a moment ago that was lost an hour ago.
async fn wake(base: &Base) -> Result<(), StoreError> {
    let now = base.clock.now();
    let right = base.helix.time().unwrap_or(now);
    let behind = right.as_millis().saturating_sub(now.as_millis());
    if behind.unsigned_abs() > CLOCK_MAY_DIFFER {
        tracing::warn!(
            seconds = behind / 1000,
            "the machine's clock is behind Twitch's by this; going by Twitch's"
        );
        base.clock.shift(behind);
    }
    if let Some(ahead) = base.store.forget_the_future(base.clock.now()).await? {
        tracing::warn!(?ahead, "the clock has been set back since the last run");
    }
    Ok(())
}

/// Moves the clock on when the machine has slept: timers do not count that, but Twitch and Discord did not sleep. And puts
/// right what is remembered when the clock was set back.
async fn follow_time(clock: Clock, store: Store, stop: CancellationToken) {
    let mut counted = clock::slept();
    let mut last = clock.now();
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(SLEEP_LOOK) => {}
        }
        let slept = clock::slept();
        let more = slept.saturating_sub(counted);
        // The two clocks are not read at one instant, so a little is nothing.
        if more > SLEEP_LOOK {
            tracing::info!(slept = ?more, "the machine has slept");
            clock.shift(i64::try_from(more.as_millis()).unwrap_or(0));
            counted = slept;
        }
        let now = clock.now();
        let put_right = if now < last { store.forget_the_future(now).await } else { Ok(None) };
        match put_right {
            Ok(_) => last = now,
            Err(error) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "what lies in the future waits for it"
                );
            }
        }
    }
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
