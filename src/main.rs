//! The binary: installs the embedded files and starts the command line.

include!(concat!(env!("OUT_DIR"), "/shipped.rs"));

fn main() -> std::process::ExitCode {
    rounds_support::shipped::install(SHIPPED);
    rounds::cli::main()
}
