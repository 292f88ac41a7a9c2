//! The command line: every command with its flags, and the help that lists the commands in groups.

use clap::{CommandFactory, Parser, Subcommand};

use super::answer_args::AnswerArgs;
use super::command_path::find;
use super::{
    ask, chat, config, doctor, eval, image, index, man, model, phantom, probe, rate, replay,
    session, study, train,
};

/// Few-shot medical image chat. Education and research only, not for diagnosis.
#[derive(Parser)]
#[command(name = "rounds", version)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Option<Command>,
}

#[derive(Subcommand)]
pub enum Command {
    /// Open the chat (the default command)
    Chat {
        #[command(flatten)]
        answer_args: AnswerArgs,
        #[command(flatten)]
        chat_args: chat::ChatArgs,
    },
    /// Ask one question, with or without images
    Ask(ask::Ask),
    /// Study cases as cards that come back when they should
    Study(Box<study::Study>),
    /// List, search, export and delete saved sessions
    #[command(subcommand, alias = "sessions")]
    Session(session::SessionCommand),
    /// Answer a saved question again and compare the answers
    Replay(replay::Replay),
    /// Show, measure, fuse and de-identify scans and images
    #[command(subcommand)]
    Image(Box<image::ImageCommand>),
    /// Build and manage indexes of your own examples
    #[command(subcommand)]
    Index(Box<index::IndexCommand>),
    /// Import, download, verify and delete models
    #[command(subcommand)]
    Model(model::Model),
    /// Create, check and show the settings file
    #[command(subcommand)]
    Config(config::Config),
    /// Check models, indexes, settings and terminal
    ///
    /// Explains how to fix each problem it finds, and changes nothing.
    Doctor(doctor::Doctor),
    /// Answer JSON Lines from standard input (see docs/script.md)
    Script(AnswerArgs),
    /// Print shell completions
    Completions { shell: clap_complete::Shell },
    /// Print the manual page of a command, or write all of them
    Man(man::Man),
    /// Evaluate models with controls: plans, reports, comparisons
    #[command(subcommand, hide = true)]
    Eval(eval::Eval),
    /// Show what the shots of an answer really do (see docs/probes.md)
    #[command(hide = true)]
    Probe(Box<probe::ProbeArgs>),
    /// Rate answers blinded to their models, and compare raters
    #[command(hide = true)]
    Rate(rate::Rate),
    /// Train the radiology learner, or nano and the test fixtures
    #[command(subcommand, hide = true)]
    Train(train::Train),
    /// Draw a phantom (a synthetic teaching image) as PNG
    #[command(hide = true)]
    Phantom(phantom::DrawPhantom),
}

/// The commands of the main list, in groups.
const GROUPS: [(&str, &[&str]); 3] = [
    (
        "Study",
        &["chat", "study", "ask", "image", "session", "replay"],
    ),
    ("Your own examples and models", &["index", "model"]),
    (
        "Settings, checks and scripts",
        &["config", "doctor", "script", "completions", "man"],
    ),
];

/// The commands that a student never needs; they are hidden from the lists and have a heading of their own.
const RESEARCH: [&str; 8] = [
    "eval",
    "probe",
    "rate",
    "train",
    "phantom",
    "model bench",
    "model logits",
    "model random",
];

const USAGE: &str = "rounds [IMAGE]... [QUESTION]\n       rounds [help] COMMAND";

/// The command line, with its help.
pub fn command() -> clap::Command {
    let cli = Cli::command();
    let groups = GROUPS.iter().map(|(heading, names)| {
        let names: Vec<_> = names.iter().map(|name| (*name, *name)).collect();
        section(&cli, heading, &names)
    });
    let groups = groups.collect::<String>();
    let all = RESEARCH.map(|path| (path, path));
    let of_model: Vec<_> = RESEARCH
        .iter()
        .filter_map(|path| Some((*path, path.strip_prefix("model ")?)))
        .collect();
    let (all, of_model) = (
        section(&cli, RESEARCH_HEADING, &all),
        section(&cli, RESEARCH_HEADING, &of_model),
    );
    cli.override_usage(USAGE)
        .help_template(format!(
            "{{about-with-newline}}\n{{usage-heading}} {{usage}}\n\n{groups}Options:\n{{options}}{{after-help}}"
        ))
        .after_help(all.trim_end().to_string())
        .mut_subcommand("model", |model| {
            model.after_help(of_model.trim_end().to_string())
        })
}

const RESEARCH_HEADING: &str = "For researchers and developers";

/// A heading with one line for each command; `commands` are paths, and the names to show for them.
fn section(cli: &clap::Command, heading: &str, commands: &[(&str, &str)]) -> String {
    let lines = commands.iter().map(|(path, name)| {
        let about = find(cli, path.split(' ')).and_then(|command| command.get_about());
        format!("  {name:<13} {}\n", about.cloned().unwrap_or_default())
    });
    format!("{heading}:\n{}", lines.collect::<String>())
}

impl Cli {
    /// Whether the user's settings apply to this command.
    pub fn uses_settings(&self) -> bool {
        use Command::{Ask, Chat, Script};
        matches!(self.command, None | Some(Ask(_) | Script(_) | Chat { .. }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn help() -> String {
        command().render_help().to_string()
    }

    #[test]
    fn every_command_has_one_place_in_the_help() {
        let cli = command();
        let grouped: Vec<&str> = GROUPS.iter().flat_map(|group| group.1).copied().collect();
        let shown = |command: &&clap::Command| !command.is_hide_set();
        let mut names: Vec<_> = cli
            .get_subcommands()
            .filter(shown)
            .map(clap::Command::get_name)
            .collect();
        let mut sorted = grouped.clone();
        names.sort_unstable();
        sorted.sort_unstable();
        assert_eq!(names, sorted);
        for path in RESEARCH {
            let hidden = find(&cli, path.split(' ')).expect(path);
            assert!(hidden.is_hide_set(), "{path}");
            assert!(help().contains(&format!("  {path:<13} ")), "{path}");
        }
    }

    #[test]
    fn the_help_of_a_student_fits_a_small_terminal() {
        let help = help();
        let (main, research) = help.split_once(RESEARCH_HEADING).expect("a heading");
        assert!(main.trim_end().lines().count() <= 24, "{help}");
        for command in [
            "train", "phantom", "eval", "probe", "rate", "random", "logits", "bench",
        ] {
            assert!(!main.contains(command), "{command}: {main}");
            assert!(research.contains(command), "{command}: {research}");
        }
        for line in help.lines() {
            assert!(line.chars().count() <= 80, "{line}");
        }
    }

    #[test]
    fn the_command_line_has_no_conflicts() {
        command().debug_assert();
    }
}
