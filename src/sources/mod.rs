//! Who sees. A source makes observations; what follows from them is concluded elsewhere.

mod accounts;
mod poll;
mod subscriptions;

pub use accounts::Accounts;
pub use poll::{CycleReport, Poll, Roster, stretched};
pub use subscriptions::{Listed, Plan, Step, Wanted, plan};
