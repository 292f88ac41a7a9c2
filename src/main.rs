//! The thin binary: the files that ship, and the program from the library.

include!(concat!(env!("OUT_DIR"), "/shipped.rs"));

fn main() -> std::process::ExitCode {
    rounds_support::shipped::install(SHIPPED);
    rounds::cli::main()
}
