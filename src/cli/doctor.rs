//! `rounds doctor`: what is found, and whether it works.

use super::{Failure, Outcome};
use crate::index::Index;
use crate::model::bundle::Bundle;
use crate::model::device;
use crate::support::Paths;

/// Prints a report; ends with 3 where something that is needed does not work.
pub fn run(name: &str) -> Outcome {
    let mut report = String::new();
    let code = write(name, &mut report)?;
    std::io::Write::write_all(&mut std::io::stdout(), report.as_bytes())
        .map_err(|e| Failure::io(&e))?;
    Ok(code)
}

/// Appends a line; a String takes all.
macro_rules! line {
    ($out:expr, $($text:tt)*) => {{
        use std::fmt::Write;
        let _ = writeln!($out, $($text)*);
    }};
}

fn write(name: &str, out: &mut String) -> Outcome {
    let mut code = 0;
    line!(
        out,
        "rounds {}: {}",
        env!("CARGO_PKG_VERSION"),
        crate::support::INTENDED_USE
    );
    match device::open(name) {
        Ok((_, found)) => line!(out, "device    {found} (asked for {name})"),
        Err(error) => {
            line!(out, "device    {error}");
            code = 3;
        }
    }
    #[cfg(target_arch = "x86_64")]
    line!(
        out,
        "cpu       {} threads; avx2 {}, fma {}, avx512f {}",
        std::thread::available_parallelism().map_or(1, |n| n.get()),
        std::is_x86_feature_detected!("avx2"),
        std::is_x86_feature_detected!("fma"),
        std::is_x86_feature_detected!("avx512f")
    );
    match Bundle::open(None) {
        Ok(bundle) => line!(
            out,
            "model     {} ({}), {}",
            bundle.manifest.name,
            &bundle.sha256[..12],
            bundle.manifest.knows
        ),
        Err(error) => {
            line!(out, "model     {error}");
            code = 3;
        }
    }
    match Index::open(None) {
        Ok(index) => line!(
            out,
            "index     {} examples, vectors of {} ({})",
            index.len(),
            index
                .encoders()
                .first()
                .map_or("no encoder", |e| e.name.as_str()),
            &index.sha256()[..12]
        ),
        Err(error) => {
            line!(out, "index     {error}");
            code = 3;
        }
    }
    let protocol = match (
        std::env::var("KITTY_WINDOW_ID"),
        std::env::var("TERM_PROGRAM"),
    ) {
        (Ok(_), _) => "kitty",
        (_, Ok(program)) if program == "iTerm.app" => "iTerm2",
        _ => "half-blocks",
    };
    line!(
        out,
        "terminal  {protocol} by its environment; the chat asks the terminal itself"
    );
    match Paths::find() {
        Ok(paths) => line!(
            out,
            "folders   data {}, config {}, cache {}",
            paths.data_dir.display(),
            paths.config_dir.display(),
            paths.cache_dir.display()
        ),
        Err(error) => return Err(Failure::usage(error, None)),
    }
    Ok(code)
}
