#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| backwater_fuzz::run("address", bytes));
