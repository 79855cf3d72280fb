//! Fuzzes the reading of interactions that the gateway brings.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| livebell_fuzz::interaction(data));
