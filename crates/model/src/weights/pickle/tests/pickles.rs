//! Pickles that no pickler writes: endless, self-containing, out of order.

use super::super::policy::{self, MAX_VALUES};
use super::super::values::Value;
use super::super::{TorchFile, walk};
use super::builder::{dict, int, pickle, tensor, text, torch_file, tuple};
use crate::weights::WeightError;

fn open(value: &[u8]) -> Result<TorchFile, WeightError> {
    TorchFile::from_bytes("x.pt", torch_file(&pickle(value), &[0; 8]))
}

fn names(value: &[u8]) -> Vec<String> {
    let file = open(value).unwrap();
    file.tensors()
        .iter()
        .map(|info| info.name.clone())
        .collect()
}

#[track_caller]
fn refused(value: &[u8], words: &str) {
    let error = open(value)
        .err()
        .map_or_else(String::new, |error| error.to_string());
    assert!(error.contains(words), "{error:?} without {words:?}");
}

fn one() -> Vec<u8> {
    tensor("0", 2, 0, 1)
}

#[test]
fn a_million_nested_lists_are_built_and_dropped_without_recursion() {
    let count = 1_000_000;
    let deep = [vec![b']'; count], vec![b'a'; count - 1], b".".to_vec()].concat();
    let outcome = policy::run(&deep, "x.pt").unwrap();
    assert_eq!(outcome.heap.lists.len(), count);
    let error = walk::tensors(outcome.root, &outcome.heap, &deep, "x.pt").unwrap_err();
    assert!(error.to_string().contains("too deep"), "{error}");
}

#[test]
fn a_dictionary_inside_itself_is_refused() {
    refused(b"}q\x00X\x01\x00\x00\x00ah\x00s", "too deep");
}

#[test]
fn a_short_pickle_of_an_exponential_tree_is_refused() {
    // Each list holds the one before it ten times.
    let mut laughs = b"]q\x00".to_vec();
    for level in 0..40_u8 {
        laughs.extend(b"](");
        laughs.extend([b'h', level].repeat(10));
        laughs.extend([b'e', b'q', level + 1]);
    }
    refused(&laughs, "too many values");
}

#[test]
fn values_marks_and_memo_entries_are_counted() {
    for opcode in [b'N', b'(', b']', b')', b'}', 0x8f] {
        let many = vec![opcode; MAX_VALUES + 1];
        let error = policy::run(&many, "x.pt").err().unwrap();
        assert!(error.to_string().contains("too many values"), "{error}");
    }
    let kept = [b"N".to_vec(), vec![0x94; MAX_VALUES]].concat();
    let error = policy::run(&kept, "x.pt").err().unwrap();
    assert!(error.to_string().contains("too many values"), "{error}");
}

#[test]
fn instructions_out_of_order_are_errors_that_say_where() {
    for (value, words) in [
        (&b""[..], "byte 2: the stack is empty"),
        (b"0", "byte 2: the stack is empty"),
        (b"\x85", "the stack is empty"),
        (b"N(0", "byte 4: the stack is empty"),
        (b"N(\x85", "the stack is empty"),
        (b"t", "no mark"),
        (b"h\x00", "never stored"),
        (b"q\x00", "the stack is empty"),
        (b"NNa", "not a list"),
        (b"NNNs", "not a dictionary"),
        (b"}(Nu", "a key without a value"),
        (b"N)R", "not a function"),
        (b"NN\x93", "two strings"),
        (
            &[b"c", &[b'a'; 1025][..], b"\nb\n"].concat(),
            "a name that is too long",
        ),
        (b"NQ", "not given by a tuple"),
        (b")Q", "without tag"),
        (b"i", "unknown instruction 0x69"),
        (b"\x82\x01", "unknown instruction 0x82"),
        (b"P0\n", "unknown instruction 0x50"),
        (b"X\xff\xff\xff\xff", "ends within an instruction"),
        (
            b"\x8d\xff\xff\xff\xff\xff\xff\xff\xff",
            "ends within an instruction",
        ),
        (b"\x8b\xff\xff\xff\xff", "ends within an instruction"),
        (b"cposix", "ends within an instruction"),
        (b"c\xff\n\n", "not UTF-8"),
        (
            b"ccollections\nOrderedDict\nN\x85R",
            "OrderedDict with invalid arguments",
        ),
        (
            b"ctorch._utils\n_rebuild_tensor_v2\n)R",
            "RebuildTensor with invalid arguments",
        ),
    ] {
        refused(value, words);
    }
}

#[test]
fn every_way_to_name_code_is_refused() {
    for value in [
        &b"cos\nsystem\n"[..],
        b"cposix\nsystem\nX\x02\x00\x00\x00ls\x85R",
        b"X\x02\x00\x00\x00osX\x06\x00\x00\x00system\x93",
        b"c__builtin__\neval\n",
        b"csubprocess\nPopen\n)\x81",
        b"cnt\nsystem\n)}\x92",
    ] {
        let error = open(value).err().unwrap();
        assert!(matches!(error, WeightError::Hostile { .. }), "{error}");
    }
}

#[test]
fn unknown_names_stay_opaque() {
    let used = [
        &b"cfoo\nBar\n)\x81N\x85R"[..],
        b"X\x01\x00\x00\x00kNs",
        b"Na",
        b"(Ne",
        b"}b",
        b"0",
    ];
    let value = [used.concat(), dict(&[("w", one())])].concat();
    assert_eq!(names(&value), ["w"]);
}

#[test]
fn a_tensor_from_an_unknown_name_is_refused() {
    let call = |parts: &[Vec<u8>]| {
        [
            b"ctorch._utils\n_rebuild_tensor_v2\n",
            &tuple(parts)[..],
            b"R",
        ]
        .concat()
    };
    let unknown = b"cfoo\nbar\n".to_vec();
    let stored = |class: &[u8]| {
        let parts = [
            text("storage"),
            class.to_vec(),
            text("0"),
            text("cpu"),
            int(2),
        ];
        [tuple(&parts), b"Q".to_vec()].concat()
    };
    let sizes = || tuple(&[int(1)]);
    let floats = stored(b"ctorch\nFloatStorage\n");
    refused(
        &call(&[unknown.clone(), int(0), sizes(), sizes()]),
        "come from foo.bar",
    );
    refused(
        &call(&[floats.clone(), unknown.clone(), sizes(), sizes()]),
        "come from foo.bar",
    );
    refused(
        &call(&[floats, int(0), unknown.clone(), sizes()]),
        "come from foo.bar",
    );
    refused(
        &call(&[stored(&unknown), int(0), sizes(), sizes()]),
        "come from foo.bar",
    );
    let untyped = stored(b"ctorch.storage\nUntypedStorage\n");
    refused(
        &call(&[untyped.clone(), int(0), sizes(), sizes()]),
        "without a type",
    );
    // An untyped storage by itself is valid.
    assert!(names(&untyped).is_empty());
}

#[test]
fn numbers_keep_their_sign_and_size() {
    let root = |value: &[u8]| policy::run(&pickle(value), "x.pt").unwrap().root;
    assert_eq!(root(b"J\xff\xff\xff\xff"), Value::Int(-1));
    assert_eq!(root(b"M\xff\xff"), Value::Int(65_535));
    assert_eq!(root(b"\x8a\x00"), Value::Int(0));
    assert_eq!(root(b"\x8a\x01\x80"), Value::Int(-128));
    assert_eq!(root(b"\x8a\x02\x80\x00"), Value::Int(128));
    assert_eq!(root(&int(i64::MIN)), Value::Int(i64::MIN));
    assert_eq!(root(b"\x8a\x09\0\0\0\0\0\0\0\0\x01"), Value::Other);
}

#[test]
fn names_come_from_keys_and_positions() {
    let odd_keys = [b"}(K\x07", &one()[..], b"N", &one(), b"u"].concat();
    assert_eq!(names(&odd_keys), ["7", "#1"]);
    let inside = dict(&[
        ("a", tuple(&[b"N".to_vec(), one()])),
        ("b.c", dict(&[("d", one())])),
    ]);
    assert_eq!(names(&inside), ["a.1", "b.c.d"]);
    assert_eq!(names(&one()), [""]);
}

#[test]
fn tensors_with_equal_names_are_refused() {
    refused(
        &dict(&[("a.b", one()), ("a", dict(&[("b", one())]))]),
        "two tensors are called a.b",
    );
}

#[test]
fn long_and_unprintable_names_are_refused() {
    refused(&dict(&[("a\u{1B}[2Jb", one())]), "not printable");
    refused(&dict(&[("a\nb", one())]), "not printable");
    refused(
        &dict(&[(&"a".repeat(5_000), one())]),
        "a name that is too long",
    );
}

#[test]
fn a_surrogate_is_ignored() {
    assert_eq!(
        names(&[b"}(X\x03\x00\x00\x00\xed\xa0\x80", &one()[..], b"u"].concat()),
        ["#0"]
    );
}

#[test]
fn a_storage_of_invalid_length_is_refused() {
    refused(&tensor("0", -1, 0, 1), "invalid length");
    refused(&tensor("0", i64::MAX, 0, 1), "invalid length");
    refused(&tensor("0", 3, 0, 1), "is to have 12 bytes, but has 8");
}
