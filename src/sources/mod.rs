//! Who sees. A source makes observations; what follows from them is concluded elsewhere.

mod accounts;
mod conduit;
mod covered;
mod lookup;
mod pace;
mod poll;
mod recordings;
mod subscriber;
mod subscriptions;
mod tiers;
mod verdict;
mod webhook;

pub use accounts::Accounts;
pub use conduit::{Conduit, ConduitState, MAX_WAITING};
pub use covered::Covered;
pub use lookup::Lookup;
pub use poll::{CycleReport, Poll, Roster, stretched};
pub use recordings::Recordings;
pub use subscriber::{Coverage, Reach, Subscriber};
pub use subscriptions::{Listed, Own, Plan, Step, Wanted, plan};
pub use verdict::{Verdict, WINDOW, judge};
pub use webhook::{Answer, Recorder, Webhook, WebhookState};
