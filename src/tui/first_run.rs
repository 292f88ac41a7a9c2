//! What everybody is told at the first run, in both faces.

pub const WHAT: &str = "Attach a medical picture, ask a question, and read an answer with its reasons. Before it answers, \
     rounds looks up similar worked examples and shows them to the model; you see which ones, and you can change them.";

pub const PURPOSE: &str = "It is for education and research only. It is not for diagnosis, and no answer of it may decide \
     about a patient.";

pub const FACTS: [&str; 3] = [
    "Answers are often wrong. The model that ships was made to try the program with synthetic pictures.",
    "Nothing leaves this machine: pictures, questions and answers stay in your own folders.",
    "Similar examples pull answers towards theirs: compare with and without them.",
];
