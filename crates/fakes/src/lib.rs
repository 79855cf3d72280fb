//! Stateful doubles of Twitch and Discord on loopback. They import nothing of Livebell's, so they can disagree with it.

pub mod clock;
pub mod twitch;
pub mod discord;
