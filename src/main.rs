fn main() {
    let args: Vec<String> = std::env::args().collect();
    let recipe: rounds::train::recipe::NanoRecipe = args
        .get(2)
        .map(|f| serde_json::from_str(&std::fs::read_to_string(f).unwrap()).unwrap())
        .unwrap_or_default();
    let done = rounds::train::train_nano(&recipe, std::path::Path::new(&args[1]), &candle_core::Device::Cpu, &rounds::support::Cancel::new());
    println!("{done:?}");
}
