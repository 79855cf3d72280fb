//! The tests of the whole product, in the words of its users. One binary, so that it is linked once.

#![expect(clippy::unchecked_time_subtraction, reason = "a test may panic when time runs backwards")]

mod announcing;
mod polling;
mod delivery;
mod commands;
mod servers;
mod gateway;
mod migrations;
mod tidy;
mod simulation;
mod process;
mod world;
