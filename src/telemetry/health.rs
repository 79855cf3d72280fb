//! Whether the program does what it is there for: can it remember, is it connected, does it look at Twitch.

use std::time::Duration;

use tokio::sync::watch;

use super::meter::{Counts, Meter};
use crate::clock::Clock;
use crate::discord::Rest;
use crate::domain::Timestamp;
use crate::gateway::GatewayState;
use crate::sources::{ConduitState, Coverage, CycleReport, WebhookState};
use crate::store::Store;

/// How long the gateway may be away: serenity resumes or begins anew within seconds, and announcements do not need it.
const GATEWAY_GRACE: Duration = Duration::from_mins(1);

/// How long after the time for a look the look may come: retries, and a Twitch that answers slowly.
const POLL_GRACE: Duration = Duration::from_mins(1);

/// How long a trial write may take before the database counts as stuck.
const WRITE_TIMEOUT: Duration = Duration::from_secs(2);

/// What the parts of the program last said about themselves.
#[derive(Clone, Debug)]
pub struct Vitals {
    /// How the connection to the gateway stands.
    pub gateway: watch::Receiver<GatewayState>,
    /// What the last look at everybody came to.
    pub polls: watch::Receiver<Option<CycleReport>>,
    /// How Twitch pushes, and how the subscriptions stand; nothing when it is not to.
    pub pushes: Option<Pushes>,
    /// What was counted.
    pub meter: Meter,
    /// How often looks are due until the first one says so.
    pub interval: Duration,
    /// When the program started.
    pub started: Timestamp,
}

/// What the parts that hear from Twitch last said about themselves.
#[derive(Clone, Debug)]
pub struct Pushes {
    /// How Twitch pushes.
    pub pushing: Pushing,
    /// How the subscriptions stand.
    pub coverage: watch::Receiver<Coverage>,
}

/// How Twitch pushes, and how that stands.
#[derive(Clone, Debug)]
pub enum Pushing {
    /// Over a connection of ours.
    Conduit(watch::Receiver<ConduitState>),
    /// To our own server.
    Webhook(watch::Receiver<WebhookState>),
}

/// What is said about how Twitch pushes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pushed {
    /// The word for it in the settings.
    pub transport: &'static str,
    /// Whether what Twitch pushes arrives, as far as that can be known: the connection stands, or Twitch has found our server,
    /// keeps subscriptions that go there, and what it posts can be remembered.
    pub connected: bool,
    /// How long ago the last message came, if one has.
    pub last_message_age: Option<Duration>,
    /// How the subscriptions stand.
    pub coverage: Coverage,
}

impl Pushes {
    pub(super) fn look(&self, now: Timestamp) -> Pushed {
        let coverage = *self.coverage.borrow();
        let (transport, connected, last) = match &self.pushing {
            Pushing::Conduit(state) => {
                let state = state.borrow();
                ("conduit", state.connected, state.heard_at)
            }
            Pushing::Webhook(state) => {
                let WebhookState { heard_at, is_remembered } = *state.borrow();
                ("webhook", is_remembered && coverage.covered > 0, heard_at)
            }
        };
        Pushed { transport, connected, last_message_age: last.map(|at| now.since(at)), coverage }
    }
}

/// Judges the vitals when somebody asks.
#[derive(Clone, Debug)]
pub struct Health {
    /// What the parts said.
    pub vitals: Vitals,
    /// For trying a write.
    pub store: Store,
    /// For asking whether requests go out.
    pub discord: Rest,
    /// The time.
    pub clock: Clock,
}

/// What is said to who asks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Report {
    /// What is wrong; nothing when the program is healthy.
    pub problems: Vec<String>,
    /// Whether the database takes a write.
    pub database_writable: bool,
    /// Whether the gateway is connected.
    pub gateway_connected: bool,
    /// How old the last successful look at Twitch is.
    pub last_poll_age: Option<Duration>,
    /// Whether Twitch pushes and for how many, if it is to. When it does not, the looks see everybody later, so it is no
    /// problem.
    pub pushes: Option<Pushed>,
    /// What was counted since the start.
    pub counts: Counts,
    /// How long the program runs.
    pub uptime: Duration,
}

impl Health {
    /// Looks at everything now.
    pub async fn report(&self) -> Report {
        let written = tokio::time::timeout(WRITE_TIMEOUT, self.store.try_writing()).await;
        let database = match written {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => {
                Err(format!("the database cannot be written: {:#}", anyhow::Error::from(error)))
            }
            Err(_) => Err("the database does not take a write in time".to_owned()),
        };
        let now = self.clock.now();
        let discord = if self.discord.is_refused() {
            Err("Discord refuses the bot's token (DISCORD_TOKEN); nothing can be announced".to_owned())
        } else if let Some(left) = self.discord.halted_for() {
            let left = left.as_secs();
            Err(format!(
                "Discord refused too many requests; nothing is sent for {left} s, lest it ban this address"
            ))
        } else {
            Ok(())
        };
        judge(&self.vitals, now, [database, discord])
    }
}

/// `tried` is what came of the database and of Discord.
fn judge(vitals: &Vitals, now: Timestamp, tried: [Result<(), String>; 2]) -> Report {
    let GatewayState { connected: gateway_connected, since } = *vitals.gateway.borrow();
    let last_cycle = *vitals.polls.borrow();
    let last_poll = last_cycle.and_then(|cycle| cycle.last_success);
    let interval = last_cycle.map_or(vitals.interval, |cycle| cycle.interval);
    let database_writable = tried[0].is_ok();
    let mut problems: Vec<String> = tried.into_iter().filter_map(Result::err).collect();
    let away = now.since(since);
    if !gateway_connected && away > GATEWAY_GRACE {
        problems.push(format!("not connected to Discord for {} s", away.as_secs()));
    }
    let unseen = now.since(last_poll.unwrap_or(vitals.started));
    if unseen > interval + POLL_GRACE {
        problems.push(format!("no successful look at Twitch for {} s", unseen.as_secs()));
    }
    Report {
        problems,
        database_writable,
        gateway_connected,
        last_poll_age: last_poll.map(|at| now.since(at)),
        pushes: vitals.pushes.as_ref().map(|pushes| pushes.look(now)),
        counts: vitals.meter.counts(),
        uptime: now.since(vitals.started),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    fn judged(
        gateway: (bool, i64),
        last_success: Option<i64>,
        now: i64,
        database: Result<(), String>,
    ) -> Report {
        let (connected, since) = gateway;
        let (_gateway, gateway) = watch::channel(GatewayState { connected, since: second(since) });
        let cycle = CycleReport {
            at: second(now),
            last_success: last_success.map(second),
            interval: Duration::from_secs(30),
            streamers: 1,
            due: 1,
            batches: 1,
            handed_on: 0,
            failed: 1,
            live: 0,
        };
        let (_polls, polls) = watch::channel(Some(cycle));
        let vitals = Vitals {
            gateway,
            polls,
            pushes: None,
            meter: Meter::default(),
            interval: Duration::from_secs(1),
            started: second(0),
        };
        judge(&vitals, second(now), [database, Ok(())])
    }

    fn check(gateway: (bool, i64), last_success: Option<i64>, now: i64, expected: &[&str]) {
        assert_eq!(judged(gateway, last_success, now, Ok(())).problems, expected);
    }

    #[test]
    fn a_minute_without_the_gateway_is_tolerated() {
        check((false, 0), Some(50), 60, &[]);
        check((false, 0), Some(50), 61, &["not connected to Discord for 61 s"]);
        check((true, 0), Some(900), 930, &[]);
    }

    #[test]
    fn looks_have_to_come() {
        check((true, 0), None, 90, &[]);
        check((true, 0), None, 91, &["no successful look at Twitch for 91 s"]);
        check((true, 0), Some(100), 200, &["no successful look at Twitch for 100 s"]);
    }

    #[test]
    fn a_database_that_fails_is_told() {
        let report = judged((true, 0), Some(0), 1, Err("disk full".to_owned()));
        assert_eq!(report.problems, ["disk full"]);
        assert!(!report.database_writable);
    }
}
