//! Fuzzes the reading of answers of Discord's that are no success.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| livebell_fuzz::discord_error(data));
