//! Copying through the terminal (OSC 52): the only way that works over SSH.

use base64::Engine;

use super::terminal::tmux_passthrough;
use rounds_support::Failure;

/// Maximum length that terminals accept, in bytes of base64.
const MAX_ENCODED: usize = 74_994;

/// The sequence that copies `text` to the clipboard.
pub fn sequence(text: &str, tmux: bool) -> Result<String, Failure> {
    let encoded = base64::engine::general_purpose::STANDARD.encode(text);
    if encoded.len() > MAX_ENCODED {
        return Err(
            Failure::model("the answer is too long for the terminal's clipboard")
                .hint("/export saves it to a file"),
        );
    }
    let plain = format!("\x1b]52;c;{encoded}\x07");
    // tmux handles the first with `set-clipboard`, and passes the second through with `allow-passthrough`.
    Ok(if tmux {
        format!("{plain}{}", tmux_passthrough(&plain, true))
    } else {
        plain
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_sent_as_base64_and_cannot_end_the_sequence() {
        assert_eq!(
            sequence("yes\x07\x1b", false).unwrap(),
            "\x1b]52;c;eWVzBxs=\x07"
        );
        assert!(sequence(&"x".repeat(80_000), false).is_err());
    }
}
