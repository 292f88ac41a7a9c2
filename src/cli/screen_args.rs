//! The flags of every command that takes the whole screen.

use clap::Args;

use crate::tui::{Colours, ImageMode, Look, ThemeChoice};

/// How a command draws on the whole screen.
#[derive(Args, Clone)]
pub struct ScreenArgs {
    /// How to draw images in the terminal
    #[arg(
        long = "pictures",
        value_name = "MODE",
        value_enum,
        default_value = "auto"
    )]
    pub image_mode: ImageMode,
    /// Colours for a dark or a light background
    #[arg(long, value_enum, default_value = "auto")]
    pub theme: ThemeChoice,
    /// Number of colours to use
    #[arg(long, value_enum, default_value = "auto")]
    pub colours: Colours,
}

impl ScreenArgs {
    /// How a screen looks with these flags.
    pub fn look(&self) -> Look {
        Look {
            images: self.image_mode,
            theme: self.theme,
            colours: self.colours,
        }
    }
}
