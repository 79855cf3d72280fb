//! Fuzzes the reading of what people type as a streamer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| livebell_fuzz::streamer_input(data));
