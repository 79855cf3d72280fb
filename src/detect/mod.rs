//! What an observation changes: the one place that concludes that somebody went live, and nothing but pure functions.

mod sessions;

pub use sessions::{Conclusion, Known, conclude};
