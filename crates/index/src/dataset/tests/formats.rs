//! Tiny data sets in the layouts of published ones.

use super::*;

/// A pickle in protocol 4, as written by Python: dictionaries of texts and one number.
fn pickle(items: &[(&str, &str, &str)]) -> Vec<u8> {
    let mut bytes = vec![0x80, 4, 0x95, 0, 0, 0, 0, 0, 0, 0, 0, b']', 0x94, b'('];
    for (image, question, answer) in items {
        bytes.extend([b'}', 0x94, b'(']);
        for text in ["image", image, "question", question, "answer", answer] {
            bytes.extend([0x8c, u8::try_from(text.len()).unwrap()]);
            bytes.extend(text.as_bytes());
            bytes.push(0x94);
        }
        bytes.extend([0x8c, 1, b'n', b'K', 7, b'u']);
    }
    bytes.extend(b"e.");
    bytes
}

#[test]
fn pathvqa_is_read_from_its_pickles() {
    let folder = Folder::new(&[
        ("images/train/train_0001.jpg", "x"),
        ("images/val/val_1.jpg", "y"),
    ]);
    let questions = [
        ("train_0001", "what is shown?", "liver"),
        ("train_0001", "is it normal?", "no"),
        ("gone", "q", "a"),
    ];
    folder.write("qas/train/train_qa.pkl", &pickle(&questions));
    folder.write("qas/val/val_qa.pkl", &pickle(&[("val_1", "q?", "Yes")]));
    let dataset = open(Format::PathVqa, folder.path(), &Options::default()).unwrap();
    assert_eq!(dataset.total, Some(4));
    let all = Read::of(dataset);
    assert_eq!(all.rows.len(), 3);
    assert_eq!(all.reasons(), ["image not found: gone"]);
    assert_eq!(tag(&all.rows[1], "answer_type"), "closed");
    assert_eq!(tag(&all.rows[1], "answer_type_source"), "inferred");
    assert_eq!(file(&all.rows[2], 0), "val_1.jpg");
    assert_eq!(tag(&all.rows[2], "split"), "validation");
    let one = plain(
        Format::PathVqa,
        &folder.path().join("qas/train/train_qa.pkl"),
    );
    assert_eq!(one.rows.len(), 2);
}

#[test]
fn a_pickle_that_refers_to_code_is_refused() {
    let folder = Folder::new(&[]);
    for hostile in [
        &b"\x80\x03cos\nsystem\n(X\x02\0\0\0lstR."[..],
        b"(S'ls'\nios\nsystem\n.",
        b"\x80\x04\x8c\x02os\x8c\x06system\x93.",
    ] {
        let path = folder.write("train_qa.pkl", hostile);
        let error = open(Format::PathVqa, &path, &Options::default())
            .err()
            .unwrap();
        assert!(error.to_string().contains("refers to code"), "{error}");
    }
    let old = folder.write(
        "old_qa.pkl",
        b"(lp0\n(dp1\nS'image'\np2\nS'a'\np3\nsS'question'\nVq\\u00e9\np4\nsS'answer'\nI7\nsa.",
    );
    folder.write("a.jpg", b"x");
    let read = plain(Format::PathVqa, &old);
    assert_eq!(
        (read.rows[0].question.as_str(), read.rows[0].answer.as_str()),
        ("q\u{e9}", "7")
    );
}

const V1: &str = "Figure_path,Question,Answer,Choice A,Choice B,Choice C,Choice D,Answer_label\n\
PMC1064097_F1.jpg,\"What is\nshown?\",Focal uptake pattern,A:Diffuse uptake pattern,B:Focal uptake pattern,C:No uptake,D:Other,B\n\
PMC1064097_F1.jpg,Contradiction?,No uptake,A:Diffuse,B:Focal,C:No uptake,D:Other,B\n\
PMC1064097_F1.jpg,Short row,x\n\
PMC1_F1.jpg,No image?,x,A:x,B:y,C:z,D:w,A\n";
const V2: &str = "index,Figure_path,Caption,Question,Choice A,Choice B,Choice C,Choice D,Answer,split\n\
0,PMC1064097_F1.jpg,A scan.,Which?, A: one ,B: two,C: three,D: four,D,train\n\
1,PMC1064097_F1.jpg,A scan.,Which?,A: one,B: two,C: three,D: four,E,test\n";

#[test]
fn pmc_vqa_finds_the_right_choice_in_both_versions() {
    let folder = Folder::new(&[
        ("images/PMC1064097_F1.jpg", "x"),
        ("test.csv", V1),
        ("train_2.csv", V2),
    ]);
    let first = plain(Format::PmcVqa, &folder.path().join("test.csv"));
    assert_eq!(first.rows.len(), 1);
    let row = &first.rows[0];
    assert_eq!(
        row.question,
        "What is\nshown? A: Diffuse uptake pattern B: Focal uptake pattern C: No uptake D: Other"
    );
    assert_eq!(row.answer, "Focal uptake pattern");
    assert_eq!(
        (tag(row, "answer_label"), row.study.as_str()),
        ("B".to_owned(), "PMC1064097")
    );
    assert!(tag(row, "choice").contains("C: No uptake"));
    assert_eq!(row.origin, "test.csv, line 2");
    assert_eq!(
        first.rejected,
        [
            (
                "test.csv, line 4".to_owned(),
                "the answer is choice C, but its label is B".to_owned()
            ),
            (
                "test.csv, line 5".to_owned(),
                "the row has 3 fields, the header has 8".to_owned()
            ),
            (
                "test.csv, line 6".to_owned(),
                "image not found: PMC1_F1.jpg".to_owned()
            ),
        ]
    );
    let second = plain(Format::PmcVqa, &folder.path().join("train_2.csv"));
    assert_eq!(second.rows[0].answer, "four");
    assert_eq!(second.rows[0].rationale, "A scan.");
    assert_eq!(second.reasons(), ["the answer E is not among the choices"]);
    assert_eq!(plain(Format::PmcVqa, folder.path()).rows.len(), 2);
    let misspelt = Folder::new(&[
        ("p.jpg", "x"),
        (
            "test.csv",
            "Figure_path,Question,Anwser,Choice A,Choice B,Anwser_label\np.jpg,q,two,A:one,B:two,B\n",
        ),
    ]);
    assert_eq!(plain(Format::PmcVqa, misspelt.path()).rows[0].answer, "two");
}

#[test]
fn pmc_oa_captions_answer_the_derived_question() {
    let lines = "{\"image\":\"PMC212319_Fig3_4.jpg\",\"caption\":\"A cell.\"}\n\n{\"image\":\n{\"image\":\"PMC212319_Fig3_4.jpg\",\"caption\":\" \"}\n[1]\n{\"image\":\"PMC212319_Fig3_4.jpg\",\"caption\":[1]}\n{\"image\":\"PMC212319_Fig3_4.jpg\",\"caption\":\"Last.\"}";
    let folder = Folder::new(&[
        ("images/PMC212319_Fig3_4.jpg", "x"),
        ("pmc_oa.jsonl", lines),
    ]);
    let read = plain(Format::PmcOa, folder.path());
    let answers: Vec<_> = read.rows.iter().map(|row| row.answer.as_str()).collect();
    assert_eq!(answers, ["A cell.", "Last."]);
    assert_eq!(read.rows[0].question, "What does this image show?");
    assert_eq!(tag(&read.rows[0], "question"), "derived");
    assert_eq!(read.rows[0].study, "PMC212319");
    assert_eq!(read.rows[1].origin, "pmc_oa.jsonl, line 7");
    let reasons = read.reasons();
    assert!(reasons[0].starts_with("invalid JSON"), "{reasons:?}");
    assert_eq!(
        reasons[1..],
        [
            "the answer is empty",
            "the entry is not an object",
            "caption is not a text"
        ]
    );
}

#[test]
fn roco_joins_captions_with_keywords_and_licences() {
    let folder = Folder::new(&[
        (
            "data/train/radiology/captions.txt",
            "ROCO_00002\t A CT of the chest. \nROCO_00003\tNo file\nbroken\n",
        ),
        (
            "data/train/radiology/keywords.txt",
            "ROCO_00002\tchest\tct scan\n",
        ),
        (
            "data/train/radiology/licences.txt",
            "ROCO_00002\tCC BY 2.0\n",
        ),
        (
            "data/train/radiology/dlinks.txt",
            "ROCO_00002\tftp://x/00/PMC3141419.tar.gz\tf1.jpg\n",
        ),
        ("data/train/radiology/images/ROCO_00002.jpg", "x"),
        ("data/test/radiology/captions.txt", "ROCO_9\tTest\n"),
        ("data/test/radiology/images/ROCO_9.jpg", "x"),
    ]);
    let read = plain(Format::Roco, &folder.path().join("data"));
    let row = &read.rows[0];
    assert_eq!(row.answer, "A CT of the chest.");
    assert_eq!(
        (row.licence.as_str(), row.study.as_str()),
        ("CC BY 2.0", "PMC3141419")
    );
    assert_eq!(
        (tag(row, "keyword"), tag(row, "modality")),
        ("chest; ct scan".to_owned(), "ct".to_owned())
    );
    assert_eq!(
        (tag(row, "split"), tag(row, "kind")),
        ("train".to_owned(), "radiology".to_owned())
    );
    assert_eq!(
        read.rows[1].licence,
        "per-image Creative Commons, see the data set"
    );
    assert_eq!(tag(&read.rows[1], "split"), "test");
    assert_eq!(read.rejected.len(), 2);
    let folder = folder.path().join("data/train/radiology/captions.txt");
    assert_eq!(plain(Format::Roco, &folder).rows.len(), 1);
}

#[test]
fn rocov2_joins_captions_with_concepts() {
    let folder = Folder::new(&[
        (
            "train_captions.csv",
            "ID,Caption\nROCOv2_1,\"A film, frontal\"\nROCOv2_2,Gone\n",
        ),
        (
            "train_concepts.csv",
            "ID,CUIs\nROCOv2_1,C1306645;C0817096\n",
        ),
        ("train/ROCOv2_1.jpg", "x"),
    ]);
    let read = plain(Format::RocoV2, folder.path());
    assert_eq!(read.rows[0].answer, "A film, frontal");
    assert_eq!(tag(&read.rows[0], "cui"), "C1306645; C0817096");
    assert_eq!(tag(&read.rows[0], "modality"), "xr");
    assert_eq!(read.reasons(), ["image not found: ROCOv2_2"]);
}

#[test]
fn iu_xray_has_two_images_per_study() {
    let annotation = r#"{"train": [{"id": "CXR1", "report": "Clear lungs.", "image_path": ["CXR1/0.png", "CXR1/1.png"], "split": "train"},
        {"id": "CXR2", "report": "x", "image_path": ["CXR2/0.png"], "split": "train"}],
        "val": [{"id": "CXR1", "report": "", "image_path": ["CXR1/0.png"], "split": "val"}], "test": []}"#;
    let folder = Folder::new(&[
        ("annotation.json", annotation),
        ("images/CXR1/0.png", "x"),
        ("images/CXR1/1.png", "y"),
    ]);
    let read = plain(Format::IuXray, folder.path());
    assert_eq!(read.rows.len(), 1);
    assert_eq!(
        (file(&read.rows[0], 0), file(&read.rows[0], 1)),
        ("0.png".to_owned(), "1.png".to_owned())
    );
    assert_eq!(read.rows[0].study, "CXR1");
    assert_eq!(read.rows[0].origin, "annotation.json, train, entry 1");
    assert_eq!(
        read.reasons(),
        ["image not found: CXR2/0.png", "the answer is empty"]
    );
    let train = Options {
        split: Some("train".to_owned()),
        ..Options::default()
    };
    assert_eq!(
        super::read(Format::IuXray, folder.path(), &train).filtered,
        1
    );
}

#[test]
fn vqa_med_is_read_from_every_split_folder() {
    let test_answers = "VQAMed2019_Test_Questions_w_Ref_Answers.txt";
    for top in [None, Some((test_answers, "s3|plane|which plane?|axial\n"))] {
        let splits = [
            ("train/All_QA_Pairs_train.txt", "s1|what is it?|a cyst\n"),
            ("val/All_QA_Pairs_val.txt", "s2|what is it?|a stone\n"),
        ];
        let images = ["s1", "s2", "s3"].map(|name| (format!("images/{name}.jpg"), "x"));
        let images = images.iter().map(|(name, text)| (name.as_str(), *text));
        let all: Vec<_> = splits.into_iter().chain(top).chain(images).collect();
        let folder = Folder::new(&all);
        let read = plain(Format::VqaMed2019, folder.path());
        assert!(read.rejected.is_empty(), "{:?}", read.rejected);
        let mut answers: Vec<_> = read.rows.iter().map(|row| row.answer.as_str()).collect();
        answers.sort_unstable();
        let expected = ["a cyst", "a stone", "axial"];
        assert_eq!(answers, expected[..if top.is_some() { 3 } else { 2 }]);
    }
}

#[test]
fn the_published_test_answers_of_vqa_med_include_the_category() {
    let folder = Folder::new(&[
        (
            "VQAMed2019_Test_Questions_w_Ref_Answers.txt",
            "s1|plane|which plane is this mri?|axial\ns1|organ|which organ?|brain\ns1|x|y\ns1|huh|q|a\ns2|plane|q|axial\n",
        ),
        ("VQAMed2019_Test_Images/s1.jpg", "x"),
    ]);
    let read = plain(Format::VqaMed2019, folder.path());
    assert_eq!(read.rows.len(), 3 - 1 + 1);
    assert_eq!(
        (tag(&read.rows[0], "modality"), tag(&read.rows[0], "organ")),
        ("mr".to_owned(), "brain".to_owned())
    );
    assert_eq!(read.rejected.len(), 2);
}
