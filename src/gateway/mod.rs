//! The connection to Discord's gateway, which serenity keeps. It hears of servers and interactions and decides nothing.

mod events;
mod identify;

use std::sync::{Arc, Weak};
use std::time::Duration;

use poise::serenity_prelude as serenity;
use secrecy::{ExposeSecret as _, SecretString};
use serenity::{ConnectionStage, GatewayError};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::commands;
use crate::control::Control;
use crate::discord::{DiscordError, GatewayInfo, Rest, http_client};
use crate::domain::Timestamp;

use events::{Events, Signals};

/// The wait before the second attempt to connect; it doubles.
const FIRST_BACKOFF: Duration = Duration::from_secs(1);

/// The longest wait between two attempts to connect.
const LONGEST_BACKOFF: Duration = Duration::from_mins(1);

/// A connection that stood so long was a good one: the next attempt after it is the first again.
const GOOD_STRETCH: Duration = Duration::from_mins(10);

/// How long closing the connections may take when the program stops or they have failed.
const CLOSE: Duration = Duration::from_secs(4);

/// How long it may take when the program goes on: serenity waits up to 5 s between connections and 5 s for each.
const CLOSE_TO_GO_ON: Duration = Duration::from_mins(1);

/// How long the connections have between two looks at whether they are closed.
const CLOSE_LOOK: Duration = Duration::from_millis(100);

/// The close code that says that the bot goes (Discord, Gateway, "Sending a close").
const GOODBYE: u16 = 1000;

/// How often it is looked at whether the connections stand; serenity does not tell of every one that is lost.
const STAGE_LOOK: Duration = Duration::from_secs(5);

/// How long serenity may try to get a connection back before it is given up and begun anew from outside. Serenity may
/// ask for sessions that Discord never grants, or read from a dead socket, and shows neither.
const STUCK: Duration = Duration::from_secs(90);

/// What each further connection adds to that: Discord lets them begin five seconds apart.
const STUCK_PER_SHARD: Duration = Duration::from_secs(5);

/// What the gateway needs to know.
#[derive(Clone, Debug)]
pub struct GatewayOptions {
    /// Address of Discord without `/api/v10`.
    pub api_url: String,
    /// The bot's token.
    pub token: SecretString,
}

/// Whether there is a connection, and since when it is so.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct GatewayState {
    /// Whether every connection that is wanted stands.
    pub connected: bool,
    /// Since when.
    pub since: Timestamp,
}

/// Why there will be no connection, however often it is tried.
#[derive(Debug, thiserror::Error)]
pub enum GatewayEnd {
    /// Discord refuses the token.
    #[error("Discord refuses the bot's token")]
    TokenRefused,
    /// Discord refuses the bot as it is built.
    #[error("Discord refuses the connection for good: {0}")]
    Refused(GatewayError),
}

/// Keeps the bot connected.
#[derive(Debug)]
pub struct Gateway {
    /// Where to connect, as whom.
    pub options: GatewayOptions,
    /// What people may do.
    pub control: Control,
    /// For asking how often a session may still be begun.
    pub rest: Rest,
    /// The time.
    pub clock: Clock,
    /// Where the state of the connection is shown.
    pub state: watch::Sender<GatewayState>,
}

/// How one stretch of being connected ended.
enum Ended {
    Stopped,
    /// Serenity asks for new sessions in a loop; it has to pause.
    TooManyIdentifies,
    /// Serenity does not get the connection back.
    Stuck,
    Failed(serenity::Error),
}

impl Gateway {
    /// Stays connected until `stop`.
    pub async fn run(self, stop: CancellationToken) -> Result<(), GatewayEnd> {
        let mut backoff = FIRST_BACKOFF;
        loop {
            let began = self.clock.now();
            let ended = tokio::select! {
                () = stop.cancelled() => return Ok(()),
                gateway = self.may_begin(&mut backoff) => {
                    self.connect(gateway?, &stop).await
                }
            };
            if self.clock.now().since(began) > GOOD_STRETCH {
                backoff = FIRST_BACKOFF;
            }
            match ended {
                Ended::Stopped => return Ok(()),
                Ended::TooManyIdentifies => {
                    tracing::warn!("Discord asks for a new session again and again; pausing");
                }
                Ended::Stuck => {
                    tracing::warn!("the connection to Discord does not come back; beginning anew");
                    // Sessions may have been asked for that nobody saw granted.
                    if let Err(error) = self.control.identified().await {
                        tracing::error!(
                            error = &error as &dyn std::error::Error,
                            "a session cannot be noted"
                        );
                    }
                }
                Ended::Failed(error) => {
                    end_for_good(&error)?;
                    tracing::warn!(%error, "the connection to Discord failed; trying again");
                }
            }
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = tokio::time::sleep(backoff) => backoff = (backoff * 2).min(LONGEST_BACKOFF),
            }
        }
    }

    /// Waits until a session may be begun: Discord resets the token of a bot that begins a thousand a day.
    async fn may_begin(&self, backoff: &mut Duration) -> Result<GatewayInfo, GatewayEnd> {
        loop {
            let gateway = match self.rest.gateway().await {
                Ok(gateway) => gateway,
                Err(DiscordError::Unauthorized) => return Err(GatewayEnd::TokenRefused),
                Err(error) => {
                    tracing::warn!(%error, retry_in = ?backoff, "Discord's gateway is not to be reached; trying again");
                    tokio::time::sleep(*backoff).await;
                    *backoff = (*backoff * 2).min(LONGEST_BACKOFF);
                    continue;
                }
            };
            // Without a memory of earlier sessions, what Discord says is all there is to go by.
            let earlier = self.control.identifies().await.unwrap_or_default();
            let pause = identify::pause(&earlier, self.clock.now(), gateway.starts);
            if pause.is_zero() {
                return Ok(gateway);
            }
            tracing::warn!(
                ?pause,
                sessions_today = earlier.len(),
                left = gateway.starts.remaining,
                "too many gateway sessions were begun; waiting, so that Discord does not reset the token"
            );
            tokio::time::sleep(pause).await;
        }
    }

    async fn connect(&self, gateway: GatewayInfo, stop: &CancellationToken) -> Ended {
        let signals = Signals::default();
        let starts = gateway.starts;
        let events = Events::new(self.control.clone(), self.clock.clone(), starts, signals.clone());
        let events = Arc::new(events);
        let alive = Arc::downgrade(&events);
        let mut client = match self.client(events).await {
            Ok(client) => client,
            Err(error) => return Ended::Failed(error),
        };
        // Serenity asks for the address itself, but takes a built-in one for good when the answer is an error.
        *client.ws_url.lock().await = gateway.url;
        let shards = Arc::clone(&client.shard_manager);
        let ended = tokio::select! {
            ended = client.start_shards(starts.shards) => match ended {
                Ok(()) => Ended::Stuck,
                Err(error) => Ended::Failed(error),
            },
            () = signals.storm.notified() => Ended::TooManyIdentifies,
            () = self.show(&shards, starts.shards, &signals) => Ended::Stuck,
            () = stop.cancelled() => Ended::Stopped,
        };
        drop(client);
        let patience = match ended {
            Ended::TooManyIdentifies | Ended::Stuck => CLOSE_TO_GO_ON,
            Ended::Stopped | Ended::Failed(_) => CLOSE,
        };
        if tokio::time::timeout(patience, close(&shards, &alive)).await.is_err() {
            tracing::warn!("the connection to Discord did not close in time");
        }
        self.shows(false);
        ended
    }

    /// Shows whether all connections stand, until they have not for too long.
    async fn show(&self, shards: &serenity::ShardManager, wanted: u32, signals: &Signals) {
        let patience = STUCK + STUCK_PER_SHARD * wanted;
        let mut stood_at = self.clock.now();
        loop {
            let connected = {
                let runners = shards.runners.lock().await;
                let wanted = usize::try_from(wanted).unwrap_or(1);
                let stand = |runner: &serenity::ShardRunnerInfo| runner.stage == ConnectionStage::Connected;
                runners.len() >= wanted && runners.values().all(stand)
            };
            self.shows(connected);
            if connected {
                stood_at = self.clock.now();
            } else if self.clock.now().since(stood_at) > patience {
                return;
            }
            tokio::select! {
                () = signals.stage.notified() => {}
                () = tokio::time::sleep(STAGE_LOOK) => {}
            }
        }
    }

    fn shows(&self, connected: bool) {
        let since = self.clock.now();
        let changed = self.state.send_if_modified(|state| {
            let changed = state.connected != connected;
            if changed {
                *state = GatewayState { connected, since };
            }
            changed
        });
        if changed && connected {
            tracing::info!("the connection to Discord stands");
        } else if changed {
            tracing::info!("the connection to Discord is interrupted");
        }
    }

    async fn client(&self, events: Arc<Events>) -> serenity::Result<serenity::Client> {
        let http = http_client().map_err(serenity::HttpError::Request)?;
        // Announcements do not go this way, so what is left needs no limiter; and only without it is the address heeded.
        let http = serenity::HttpBuilder::new(self.options.token.expose_secret())
            .client(http)
            .proxy(&self.options.api_url)
            .ratelimiter_disabled(true)
            .default_allowed_mentions(serenity::CreateAllowedMentions::new())
            .build();
        serenity::ClientBuilder::new_with_http(http, serenity::GatewayIntents::GUILDS)
            .event_handler_arc(events)
            .framework(commands::framework(self.control.clone()))
            .await
    }
}

/// Closes the connections, and returns when the last one is gone: dropping the client leaves its tasks connected.
async fn close(shards: &serenity::ShardManager, alive: &Weak<Events>) {
    while alive.strong_count() > 0 {
        // Once a connection was restarted, serenity's own shutdown forgets to tell the next one (0.12.5); and one that
        // is just being restarted can be told only when it is there.
        for (id, runner) in shards.runners.lock().await.iter() {
            runner.runner_tx.send_to_shard(serenity::ShardRunnerMessage::Shutdown(*id, GOODBYE));
        }
        shards.shutdown_all().await;
        tokio::time::sleep(CLOSE_LOOK).await;
    }
}

/// Whether an error is one that no further attempt cures (Discord, Gateway, "Close Event Codes").
fn end_for_good(error: &serenity::Error) -> Result<(), GatewayEnd> {
    match error {
        serenity::Error::Gateway(GatewayError::InvalidAuthentication | GatewayError::NoAuthentication) => {
            Err(GatewayEnd::TokenRefused)
        }
        serenity::Error::Gateway(GatewayError::InvalidGatewayIntents) => {
            Err(GatewayEnd::Refused(GatewayError::InvalidGatewayIntents))
        }
        serenity::Error::Gateway(GatewayError::DisallowedGatewayIntents) => {
            Err(GatewayEnd::Refused(GatewayError::DisallowedGatewayIntents))
        }
        _ => Ok(()),
    }
}
