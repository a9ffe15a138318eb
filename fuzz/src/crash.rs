//! `cargo crash TARGET FILE`: a file that a fuzzer left, as short as it gets, as a test to be pasted.

use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [target, file] = &args[..] else {
        eprintln!("usage: cargo crash TARGET FILE\nFILE is what a fuzzer left in fuzz/artifacts/TARGET");
        return ExitCode::from(2);
    };
    let read = std::fs::read(file).map_err(|why| format!("{file}: {why}"));
    match read.and_then(|bytes| backwater_fuzz::test_of(target, &bytes)) {
        Ok(test) => println!("{test}"),
        Err(why) => {
            eprintln!("{why}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
