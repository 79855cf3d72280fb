//! Who sees. A source makes observations; what follows from them is concluded elsewhere.

mod accounts;
mod poll;

pub use accounts::Accounts;
pub use poll::{CycleReport, Poll, Roster, stretched};
