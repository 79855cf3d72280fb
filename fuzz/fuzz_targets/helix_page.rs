//! Fuzzes the reading of pages of Helix.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| livebell_fuzz::helix_page(data));
