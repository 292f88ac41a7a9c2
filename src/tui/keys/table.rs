//! The table of actions. A new action needs one row here and one match arm where it is handled.

/// Where a key binding applies. `Anywhere` is looked up last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyContext {
    Anywhere,
    Input,
    Conversation,
    Images,
    Shots,
}

impl KeyContext {
    /// Its heading in the help.
    pub fn title(self) -> &'static str {
        match self {
            Self::Anywhere => "Anywhere",
            Self::Input => "Input",
            Self::Conversation => "Conversation",
            Self::Images => "Images",
            Self::Shots => "Shots",
        }
    }
}

/// One action: its name in settings, where its keys apply, its default keys and its help.
pub struct ActionRow {
    pub action: Action,
    pub name: &'static str,
    pub context: KeyContext,
    /// Separated by spaces.
    pub keys: &'static str,
    pub help: &'static str,
}

macro_rules! actions {
    ($($action:ident $name:literal $place:ident $keys:literal $help:literal;)*) => {
        /// Something that a key can do.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Action { $($action),* }

        /// All actions with their default keys.
        pub const TABLE: &[ActionRow] = &[
            $(ActionRow { action: Action::$action, name: $name, context: KeyContext::$place, keys: $keys, help: $help }),*
        ];

        impl Action {
            /// Its name in a settings file.
            pub fn name(self) -> &'static str {
                match self { $(Self::$action => $name),* }
            }
        }
    };
}

actions! {
    Stop "stop" Anywhere "esc" "stop the answer, or close the window";
    Interrupt "interrupt" Anywhere "ctrl-c" "stop; press twice to quit";
    Quit "quit" Anywhere "ctrl-d" "quit, if the input is empty";
    Help "help" Anywhere "f1" "all keys and commands (also ? in an empty input)";
    NextPane "next-pane" Anywhere "tab" "next pane (in the input: complete a command or path)";
    PreviousPane "previous-pane" Anywhere "shift-tab" "previous pane";
    ToConversation "conversation" Anywhere "alt-1" "go to the conversation";
    ToImages "images" Anywhere "alt-2" "go to the images";
    ToShots "shots" Anywhere "alt-3" "go to the shots";
    PickFile "attach" Anywhere "ctrl-o" "choose an image to attach";
    PasteImage "paste-image" Anywhere "alt-v" "attach the image on the clipboard";
    Cases "cases" Anywhere "f4" "sample cases";
    Regenerate "regenerate" Anywhere "ctrl-r" "answer the selected question again";
    EditQuestion "edit" Anywhere "alt-e" "edit the selected question; the old one stays as a branch";
    PreviousBranch "previous-branch" Anywhere "alt-left" "previous branch";
    NextBranch "next-branch" Anywhere "alt-right" "next branch";
    Compare "compare" Anywhere "alt-c" "answer with and without shots, side by side";
    ShowPrompt "prompt" Anywhere "alt-p" "the exact prompt";
    Sessions "sessions" Anywhere "f2" "list of sessions";
    NewSession "new-session" Anywhere "alt-n" "start a new session";
    Export "export" Anywhere "alt-x" "export this session";
    CopyAnswer "copy" Anywhere "alt-y" "copy the selected answer";
    ScrollUp "scroll-up" Anywhere "pageup" "scroll up a page";
    ScrollDown "scroll-down" Anywhere "pagedown" "scroll down a page";
    Suspend "suspend" Anywhere "ctrl-z" "suspend";
    Redraw "redraw" Anywhere "ctrl-l" "redraw the screen";

    Send "send" Input "enter" "ask, or run the command";
    Newline "newline" Input "alt-enter ctrl-j shift-enter" "new line";
    EndOfInput "delete-or-quit" Input "ctrl-d delete" "delete the character; Ctrl-D quits if the input is empty";
    Backspace "backspace" Input "backspace ctrl-h" "delete the character before";
    Left "left" Input "left ctrl-b" "one character left";
    Right "right" Input "right ctrl-f" "one character right";
    WordLeft "word-left" Input "ctrl-left alt-b" "one word left";
    WordRight "word-right" Input "ctrl-right alt-f" "one word right";
    LineStart "line-start" Input "home ctrl-a" "start of the line";
    LineEnd "line-end" Input "end ctrl-e" "end of the line";
    Up "up" Input "up" "line up, then earlier questions";
    Down "down" Input "down" "line down, then later questions";
    OlderQuestion "older-question" Input "ctrl-p" "earlier question";
    NewerQuestion "newer-question" Input "ctrl-n" "later question";
    KillWord "kill-word" Input "ctrl-w alt-backspace" "delete the word before";
    KillWordAfter "kill-word-after" Input "alt-d" "delete the word after";
    KillToStart "kill-to-start" Input "ctrl-u" "delete to the start of the line";
    KillToEnd "kill-to-end" Input "ctrl-k" "delete to the end of the line";
    Yank "yank" Input "ctrl-y" "paste deleted text";
    Transpose "transpose" Input "ctrl-t" "swap two characters";
    Undo "undo" Input "ctrl-_ ctrl-7" "undo";

    TurnUp "turn-up" Conversation "up k" "previous question";
    TurnDown "turn-down" Conversation "down j" "next question";
    TurnFirst "turn-first" Conversation "home g" "first question";
    TurnLast "turn-last" Conversation "end G" "last question";
    TurnRegenerate "turn-regenerate" Conversation "r" "answer again";
    TurnEdit "turn-edit" Conversation "e" "edit the question";
    TurnCopy "turn-copy" Conversation "y" "copy the answer";

    NextImage "image-next" Images "n ]" "next image";
    PreviousImage "image-previous" Images "N [" "previous image";
    DetachImage "detach" Images "d" "detach the image";
    ZoomIn "zoom-in" Images "+ =" "zoom in";
    ZoomOut "zoom-out" Images "minus _" "zoom out";
    PanLeft "pan-left" Images "left h" "move left";
    PanRight "pan-right" Images "right l" "move right";
    PanUp "pan-up" Images "up k" "move up";
    PanDown "pan-down" Images "down j" "move down";
    Brighter "brighter" Images "b" "brighter (display only)";
    Darker "darker" Images "B" "darker (display only)";
    MoreContrast "more-contrast" Images "c" "more contrast (display only)";
    LessContrast "less-contrast" Images "C" "less contrast (display only)";
    ResetView "image-reset" Images "0" "reset view";
    NextSlice "slice-next" Images "." "next slice of a scan (also the wheel)";
    PreviousSlice "slice-previous" Images "," "previous slice of a scan";
    SlicesOn "slices-on" Images ">" "ten slices on";
    SlicesBack "slices-back" Images "<" "ten slices back";
    NextWindow "window-next" Images "w" "next window of a scan (what is black and white)";
    PreviousWindow "window-previous" Images "W" "previous window of a scan";
    NextPlane "plane-next" Images "p" "next plane of a scan: axial, coronal, sagittal";
    Projection "projection" Images "m" "maximum projection of a scan, or back";
    WiderWindow "window-wider" Images "}" "wider window of a scan (also drag to the right)";
    NarrowerWindow "window-narrower" Images "{" "narrower window of a scan (also drag to the left)";
    HigherLevel "level-higher" Images ")" "higher level of the window (also drag down)";
    LowerLevel "level-lower" Images "(" "lower level of the window (also drag up)";
    MoreOverlay "overlay-more" Images "o" "more of the overlay (opacity)";
    LessOverlay "overlay-less" Images "O" "less of the overlay (opacity)";
    NextMap "overlay-map" Images "t" "next colours of the overlay";
    Cine "cine" Images "space" "play the slices of a scan, or pause; Esc stops";
    CrossHair "cross-hair" Images "i" "cross-hair: value and place under it (also a click); arrows move it";
    FarLeft "far-left" Images "shift-left H" "cross-hair ten pixels left";
    FarRight "far-right" Images "shift-right L" "cross-hair ten pixels right";
    FarUp "far-up" Images "shift-up K" "cross-hair ten pixels up";
    FarDown "far-down" Images "shift-down J" "cross-hair ten pixels down";
    Distance "distance" Images "r" "measure the distance from the cross-hair, or end that";
    SideBySide "side-by-side" Images "v" "one image, or two side by side";
    FullScreenImage "image-full" Images "enter f" "full-screen image, or back";

    ShotUp "shot-up" Shots "up k" "previous shot";
    ShotDown "shot-down" Shots "down j" "next shot";
    ShotOpen "shot-open" Shots "enter" "show the whole example";
    ShotPin "shot-pin" Shots "p" "pin (always use this shot), or unpin";
    ShotExclude "shot-exclude" Shots "x" "exclude (never use this shot), or allow again";
    ShotEarlier "shot-earlier" Shots "K alt-up" "move up (pins this order)";
    ShotLater "shot-later" Shots "J alt-down" "move down (pins this order)";
    AskWithout "ask-without" Shots "w" "ask again without this shot";
    ShotWhy "shot-why" Shots "y" "why this answer: what each shot did to its likelihood";
    ShotSideBySide "shot-beside" Shots "v" "the shot's image beside yours";
}

/// Names that actions had in earlier versions, with their names now. Settings files may still use them.
const FORMER_NAMES: [(&str, &str); 6] = [
    ("pictures", "images"),
    ("paste-picture", "paste-image"),
    ("picture-next", "image-next"),
    ("picture-before", "image-previous"),
    ("picture-reset", "image-reset"),
    ("picture-full", "image-full"),
];

/// The name of an action as it is now, for a name in a settings file.
pub(super) fn current_name(name: &str) -> &str {
    let former = FORMER_NAMES.iter().find(|(former, _)| *former == name);
    former.map_or(name, |(_, current)| current)
}
