//! The tests of the whole product, in the words of its users. One binary, so that it is linked once.

#![expect(clippy::unchecked_time_subtraction, reason = "a test may panic when time runs backwards")]

mod announcing;
mod clocks;
mod commands;
mod damage;
mod delivery;
mod disk;
mod doubt;
mod eventsub;
mod explaining;
mod filters;
mod full_disk;
mod fuzz;
mod gateway;
mod health;
mod history;
mod late;
mod life;
mod laws;
mod limits;
mod mentioning;
mod migrations;
mod notices;
mod notifying;
mod polling;
mod posts;
mod preferring;
mod process;
mod pushes;
mod remembering;
mod restarting;
mod revising;
mod routes;
mod servers;
mod shapes;
mod simulation;
mod threads;
mod tidy;
mod tiers;
mod webhooks;
mod wording;
mod world;
