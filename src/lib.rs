//! Livebell tells Discord servers the moment a Twitch streamer they follow goes live. The modules, in story order:

/// The words of the product as plain values.
pub mod domain;
/// Turns what was seen into what changed.
pub mod detect;
/// Turns what changed into who must hear.
pub mod audience;
/// Remembers.
pub mod store;
/// The only reader of the time.
pub mod clock;
/// What every HTTP client of ours has in common.
pub mod http;
/// Speaks to Twitch.
pub mod twitch;
/// Turns a delivery into words.
pub mod render;
/// Speaks to Discord.
pub mod discord;
/// Who sees.
pub mod sources;
/// The story in code: gather, decide, commit, nudge.
pub mod pipeline;
/// Who tells.
pub mod sinks;
/// What is owed, until it is delivered.
pub mod outbox;
/// What people may do.
pub mod control;
/// Slash commands.
pub mod commands;
/// The connection to Discord's gateway.
pub mod gateway;
/// What an operator sees.
pub mod telemetry;
/// The program's own HTTP server.
pub mod web;
/// Settings.
pub mod config;
/// Builds, starts and stops everything.
pub mod app;
