//! What every user reads at the first run, on the full screen and in the line mode.

pub const INTRODUCTION: &str = "Attach a medical image, ask a question, and read an answer with its reasons. Before it answers, \
     rounds looks up similar worked examples and shows them to the model; you see which ones, and you can change them.";

pub const PURPOSE: &str = "It is for education and research only. It is not for diagnosis: never base a decision about a \
     patient on its answers.";

pub const CAVEATS: [&str; 3] = [
    "Answers are often wrong. The shipped model is small; each answer says how often such answers are right.",
    "Nothing leaves this machine: images, questions and answers stay in your own folders.",
    "Similar examples pull answers towards their own: compare with and without them.",
];
