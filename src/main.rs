//! The thin binary: everything is in the library.

fn main() -> std::process::ExitCode {
    rounds::cli::main()
}
