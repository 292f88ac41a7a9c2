//! Names of the values of options, and small counts, as text.

use clap::ValueEnum;

use rounds_support::Failure;

/// `1 shot`, `2 shots`.
pub fn shot_count(shots: usize) -> String {
    match shots {
        1 => "1 shot".into(),
        _ => format!("{shots} shots"),
    }
}

/// The name of a value on the command line.
pub fn value_name<T: ValueEnum>(value: &T) -> String {
    value
        .to_possible_value()
        .map_or_else(String::new, |v| v.get_name().to_string())
}

/// All names of an option.
pub fn value_names<T: ValueEnum>() -> Vec<(String, String)> {
    let all = T::value_variants()
        .iter()
        .filter_map(ValueEnum::to_possible_value);
    all.map(|v| {
        (
            v.get_name().to_string(),
            v.get_help().map(ToString::to_string).unwrap_or_default(),
        )
    })
    .collect()
}

pub fn invalid_value<T: ValueEnum>(what: &str, typed: &str) -> Failure {
    let names: Vec<String> = value_names::<T>()
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    let wrong = match typed {
        "" => format!("{what} is missing"),
        _ => format!("`{typed}` is not {what}"),
    };
    Failure::usage(wrong).hint(format!("one of {}", names.join(", ")))
}
