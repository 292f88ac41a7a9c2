//! Facts made by hand: each test is one rule of what may be said.

use super::*;

fn region(name: &str, [x, y, width, height]: [f32; 4]) -> Region {
    Region {
        name: name.into(),
        bounds: Some(Bounds {
            x,
            y,
            width,
            height,
        }),
    }
}

/// An image with `boxes` and other questions, read as the data set's are.
fn facts(modality: &str, part: &str, boxes: &[Region], qa: &[(&str, &str)]) -> Facts {
    let mut facts = Facts {
        image: "imgs/xmlab1/source.jpg".into(),
        modality: Some(modality.into()),
        plane: (modality == "CT").then(|| "Axial".into()),
        body_part: Some(part.into()),
        boxes: boxes.to_vec(),
        annotated: true,
        radiological: true,
        qa: qa
            .iter()
            .map(|(q, a)| ((*q).to_owned(), (*a).to_owned()))
            .collect(),
        ..Facts::default()
    };
    facts.settle();
    facts
}

/// A rationale without the way in which its parts are joined.
fn plain(facts: &Facts, question: &str, answer: &str) -> String {
    facts
        .rationale(question, answer)
        .replace(". ", "; ")
        .replace("; The", "; the")
        .replace("; Both", "; both")
        .replace("; Nothing", "; nothing")
        .replace("; A ", "; a ")
}

fn liver() -> Region {
    region("liver", [0.1, 0.3, 0.2, 0.3])
}

#[test]
fn a_marked_organ_is_said_to_lie_where_its_box_is() {
    let facts = facts("CT", "abdomen", &[liver()], &[]);
    assert_eq!(
        plain(&facts, "Does the picture contain liver?", "Yes"),
        "Axial CT of the abdomen; the liver lies at the left of the image, on the patient's right."
    );
}

#[test]
fn a_side_is_said_in_the_frame_of_the_answer() {
    let facts = facts("CT", "abdomen", &[liver()], &[]);
    let image = plain(&facts, "Where is the liver?", "Left");
    assert_eq!(
        image,
        "Axial CT of the abdomen; the liver lies at the left of the image."
    );
    let patient = plain(&facts, "Where is the liver?", "Right");
    assert_eq!(
        patient,
        "Axial CT of the abdomen; the liver lies on the patient's right."
    );
}

#[test]
fn a_lung_in_an_answer_is_the_patients() {
    let facts = facts(
        "X-ray",
        "chest",
        &[region("nodule", [0.7, 0.2, 0.05, 0.05])],
        &[],
    );
    let right = plain(&facts, "Where is the nodule?", "Upper Right Lung");
    assert_eq!(right, "X-ray of the chest; a nodule is seen.");
    let left = facts.rationale("Where is the nodule?", "Upper Left Lung");
    assert!(
        left.contains("in the upper part of the image, on the patient's left"),
        "{left}"
    );
    let both_frames = facts.rationale(
        "Where is/are the abnormality located?",
        "Left Lung, Upper Right",
    );
    assert!(
        both_frames.contains("on the patient's left"),
        "{both_frames}"
    );
}

#[test]
fn no_side_of_the_patient_is_said_where_the_convention_is_unknown() {
    let mut facts = facts("CT", "abdomen", &[liver()], &[]);
    facts.radiological = false;
    let said = facts.rationale("Does the picture contain liver?", "Yes");
    assert!(
        said.contains("at the left of the image") && !said.contains("patient"),
        "{said}"
    );
}

#[test]
fn an_answer_that_nothing_else_supports_gets_the_opening_alone() {
    let facts = facts("CT", "chest", &[], &[("Is the lung healthy?", "No")]);
    assert_eq!(
        facts.rationale("Is the lung healthy?", "No"),
        "Axial CT of the chest."
    );
    assert_eq!(
        facts.rationale("Does the picture contain spleen?", "Yes"),
        "Axial CT of the chest."
    );
    assert_eq!(Facts::default().rationale("Is the lung healthy?", "No"), "");
}

#[test]
fn a_finding_speaks_only_for_an_answer_it_agrees_with() {
    let facts = facts(
        "CT",
        "abdomen",
        &[liver(), region("liver cancer", [0.15, 0.45, 0.05, 0.05])],
        &[],
    );
    let sick = facts.rationale("Is the liver healthy?", "No");
    assert!(
        sick.to_lowercase()
            .contains("liver cancer lies at the left of the image"),
        "{sick}"
    );
    assert_eq!(
        facts.rationale("Is the liver healthy?", "Yes"),
        "Axial CT of the abdomen."
    );
    let spleen = plain(&facts, "Does the spleen look normal?", "Yes");
    assert_eq!(
        spleen,
        "Axial CT of the abdomen; the only finding is liver cancer, in the liver."
    );
}

#[test]
fn a_missing_organ_is_answered_with_those_that_are_seen() {
    let facts = facts(
        "CT",
        "chest",
        &[],
        &[
            ("Does the picture contain lung?", "Yes"),
            ("Does the picture contain kidney?", "No"),
        ],
    );
    let missing = plain(&facts, "Does the picture contain kidney?", "No");
    assert_eq!(missing, "Axial CT of the chest; the lung is seen.");
    assert_eq!(
        (facts.organs.as_slice(), facts.absent.as_slice()),
        (&["lung".to_owned()][..], &["kidney".to_owned()][..])
    );
}

#[test]
fn a_number_is_supported_only_by_as_many_boxes() {
    let pair = [
        region("left kidney", [0.6, 0.5, 0.1, 0.1]),
        region("right kidney", [0.3, 0.5, 0.1, 0.1]),
    ];
    let two = facts("CT", "abdomen", &pair, &[]);
    assert_eq!(
        plain(&two, "How many kidneys in this image?", "2"),
        "Axial CT of the abdomen; both kidneys are seen."
    );
    assert_eq!(
        two.rationale("How many kidneys in this image?", "1"),
        "Axial CT of the abdomen."
    );
}

#[test]
fn the_normal_side_is_told_without_naming_the_other() {
    let facts = facts(
        "MRI",
        "head",
        &[region("brain edema", [0.6, 0.3, 0.2, 0.2])],
        &[],
    );
    let normal = facts.rationale("Which lobe is normal in this image?", "Right");
    assert!(
        normal
            .to_lowercase()
            .contains("brain edema lies on the other side"),
        "{normal}"
    );
    let abnormal = facts.rationale("Which lobe is abnormal,left or right?", "Left");
    assert!(abnormal.contains("on the patient's left"), "{abnormal}");
}

#[test]
fn the_opening_leaves_out_what_the_answer_disagrees_with() {
    let facts = facts("CT", "abdomen", &[], &[]);
    assert_eq!(
        facts.rationale("Is this a CT scan?", "No"),
        "Axial image of the abdomen."
    );
    assert_eq!(
        facts.rationale("Is this an MRI?", "No"),
        "Axial CT of the abdomen."
    );
    assert_eq!(
        facts.rationale("What modality is used to take this image?", "X-Ray"),
        "Axial image of the abdomen."
    );
    assert_eq!(
        facts.rationale("Is this a coronal plane?", "Yes"),
        "CT of the abdomen."
    );
    assert_eq!(
        facts.rationale("Is this a study of the chest?", "Yes"),
        "Axial CT."
    );
}

#[test]
fn nothing_is_said_to_be_marked_only_where_boxes_were_drawn() {
    let mut facts = facts("CT", "chest", &[], &[]);
    let none = plain(&facts, "What diseases are included in the picture?", "None");
    assert_eq!(none, "Axial CT of the chest; nothing abnormal is marked.");
    facts.annotated = false;
    assert_eq!(
        facts.rationale("Is the lung healthy?", "Yes"),
        "Axial CT of the chest."
    );
}

#[test]
fn findings_on_different_sides_are_not_said_to_be_on_both() {
    let left = region("nodule", [0.7, 0.2, 0.05, 0.05]);
    let right = region("effusion", [0.1, 0.7, 0.2, 0.1]);
    let two = facts("X-ray", "chest", &[left, right.clone()], &[]);
    assert!(
        two.rationale("Is the lung healthy?", "No")
            .ends_with("nodule and an effusion are seen.")
    );
    let again = region("effusion", [0.7, 0.7, 0.2, 0.1]);
    let one = facts("X-ray", "chest", &[right, again], &[]);
    assert!(
        one.rationale("Is the lung healthy?", "No")
            .ends_with("n effusion lies on both sides.")
    );
}

#[test]
fn what_an_answer_puts_in_the_centre_is_not_said_to_lie_elsewhere() {
    let heart = region("cardiomegaly", [0.5, 0.6, 0.4, 0.3]);
    let film = facts("X-ray", "chest", &[heart], &[]);
    let question = "Where is/are the abnormality located?";
    assert_eq!(
        plain(&film, question, "Center").replace("; C", "; c"),
        "X-ray of the chest; cardiomegaly is seen."
    );
    assert!(
        film.rationale(question, "Left")
            .contains("on the patient's left")
    );
}

#[test]
fn kinds_of_a_tumor_are_told_apart_only_where_the_answer_does() {
    let names = [
        "brain edema",
        "brain enhancing tumor",
        "brain non-enhancing tumor",
    ];
    let boxes = names.map(|name| region(name, [0.6, 0.3, 0.1, 0.1]));
    let head = facts("MRI", "head", &boxes, &[]);
    let together = head.rationale("Is the brain healthy?", "No").to_lowercase();
    assert!(
        together.contains("brain edema and a brain tumor lie"),
        "{together}"
    );
    let apart = head.rationale(
        "What diseases are included in the picture?",
        "Brain Edema, Brain Enhancing Tumor, Brain Non-enhancing Tumor",
    );
    assert!(
        apart.contains("an enhancing brain tumor and a non-enhancing brain tumor"),
        "{apart}"
    );
}

#[test]
fn sizes_are_compared_by_the_boxes_if_they_agree() {
    let facts = facts(
        "CT",
        "abdomen",
        &[liver(), region("spleen", [0.8, 0.4, 0.1, 0.1])],
        &[],
    );
    let larger = plain(
        &facts,
        "Which is bigger in this image, liver or spleen?",
        "Liver",
    );
    assert_eq!(
        larger,
        "Axial CT of the abdomen; the liver covers a larger area than the spleen."
    );
    assert_eq!(
        facts.rationale("Which is bigger, liver or spleen?", "Spleen"),
        "Axial CT of the abdomen."
    );
}

#[test]
fn another_answer_in_words_tells_where_a_lesion_is() {
    let mut facts = facts(
        "MRI",
        "head",
        &[],
        &[
            ("Where is the lesion?", "Left temporal lobe"),
            ("Is the lesion enhancing?", "Yes"),
        ],
    );
    facts.radiological = false;
    let told = plain(&facts, "Is there evidence of a lesion?", "Yes");
    assert_eq!(
        told,
        "MRI of the head; the lesion lies in the left temporal lobe."
    );
    assert_eq!(
        facts.rationale("Where is the lesion?", "Left temporal lobe"),
        "MRI of the head."
    );
}

#[test]
fn the_usual_plane_fills_only_an_unknown_one() {
    let film = facts("X-ray", "chest", &[], &[]).with_usual_plane();
    assert_eq!(
        film.rationale("How was this image taken?", "X-Ray"),
        "Frontal X-ray of the chest."
    );
    assert_eq!(
        film.rationale("What is the scanning plane?", "Coronal Plane"),
        "Frontal (coronal) X-ray of the chest."
    );
    let stated = Facts {
        modality: Some("MRI".into()),
        plane: Some("Sagittal".into()),
        ..Facts::default()
    };
    assert_eq!(stated.with_usual_plane().plane.as_deref(), Some("Sagittal"));
}

#[test]
fn worked_examples_say_what_the_boxes_say() {
    let mut knowledge = Knowledge::default();
    knowledge.add("Liver#function#detoxification");
    let facts = facts(
        "CT",
        "abdomen",
        &[liver()],
        &[
            ("Does the picture contain kidney?", "No"),
            ("Is this image normal?", "Yes"),
        ],
    );
    let examples = worked_examples(&facts, &knowledge);
    assert!((3..=6).contains(&examples.len()));
    assert_eq!(examples, worked_examples(&facts, &knowledge));
    let place = examples
        .iter()
        .find(|example| example.topic == "place")
        .unwrap();
    assert_eq!(
        (place.answer.as_str(), place.boxes.as_slice()),
        ("Left", &[liver()][..])
    );
    assert!(
        place.rationale.ends_with("at the left of the image."),
        "{}",
        place.rationale
    );
    assert!(
        examples
            .iter()
            .all(|example| example.closed == ["Yes", "No"].contains(&example.answer.as_str()))
    );
}
